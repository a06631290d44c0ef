/* Scaling of pictures from uint8 to float32, and their resize by two small matrix products.
 *
 * It needs plan.h. */
#include <stdint.h>
#include <string.h>

/* Columns in a block of a resize: one vector of AVX-512, two of AVX2. */
#define BLOCK 16

typedef float block __attribute__((vector_size(BLOCK * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(BLOCK * sizeof(float))));

static block load(const float *from) {
    block to;
    memcpy(&to, from, sizeof to);
    return to;
}

/* Clamp to 1: rounded weights can sum to slightly more. */
static block at_most_one(block values) {
    block ones = {0};
    ones += 1;
    mask above = values > ones;
    return (block)((above & (mask)ones) | (~above & (mask)values));
}

/* Scale n pixels to [0, 1]. */
static void scale(const uint8_t *restrict from, float *restrict to, int64_t n) {
    for (int64_t k = 0; k < n; k++) to[k] = (float)from[k] / 255.0f;
}

/* Return the floats of scratch memory for a resize: a scaled picture, and one with its columns resized, in whole
 * blocks. */
static int64_t room(const plan *p) {
    if (!p->rows.out) return 0;
    return p->rows.in * (p->columns.in + (p->columns.out + BLOCK - 1) / BLOCK * BLOCK);
}

/* Resize one picture: first its columns, block by block, then its rows. */
static void resize(const plan *p, const uint8_t *restrict from, float *restrict to, float *restrict scratch) {
    const side *rows = &p->rows, *columns = &p->columns;
    int64_t blocks = (columns->out + BLOCK - 1) / BLOCK, stride = blocks * BLOCK;
    float *scaled = scratch, *wide = scratch + rows->in * columns->in;
    scale(from, scaled, rows->in * columns->in);
    for (int64_t b = 0; b < blocks; b++) {
        /* The weights of a block are stored transposed: (in, BLOCK). */
        const float *weights = columns->weights + b * columns->in * BLOCK;
        for (int64_t y = 0; y < rows->in; y++) {
            const float *row = scaled + y * columns->in;
            block sum = {0};
            for (int64_t k = columns->low[b]; k < columns->high[b]; k++) sum += row[k] * load(weights + k * BLOCK);
            memcpy(wide + y * stride + b * BLOCK, &sum, sizeof sum);
        }
    }
    for (int64_t y = 0; y < rows->out; y++) {
        const float *weights = rows->weights + y * rows->in;
        float *line = to + y * columns->out;
        for (int64_t b = 0; b < blocks; b++) {
            block sum = {0};
            for (int64_t k = rows->low[y]; k < rows->high[y]; k++)
                sum += weights[k] * load(wide + k * stride + b * BLOCK);
            sum = at_most_one(sum);
            int64_t left = columns->out - b * BLOCK;
            if (left >= BLOCK) memcpy(line + b * BLOCK, &sum, sizeof sum);
            else memcpy(line + b * BLOCK, &sum, (size_t)left * sizeof *line);
        }
    }
}
