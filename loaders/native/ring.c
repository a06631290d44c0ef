/* A ring of chunks of batches: rows of uint8 are gathered in an epoch's order, scaled to [0, 1] (and resized),
 * and handed over one chunk after another.
 *
 * Any number of threads fill chunks: helpers by ring_help, and the one that takes them by ring_take, which
 * fills a chunk itself rather than sleep. So a machine without a core to spare loses nothing by waiting for a
 * thread, and one that has a core to spare finds its chunks filled. No thread holds Python's GIL in here.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Rows that are asked from memory before their turn: a row in a random place takes about as long to arrive as
 * six others to convert. */
#define AHEAD 6
#define LINE 64
/* Of images beyond LARGE bytes, a core looks up where a page is in memory itself, for nearly every row, and
 * several at once only if nothing comes between: so one line of each row of a group is asked for first, which small
 * sets of images pay for in vain. */
#define GROUP 64
#define LARGE ((int64_t)1 << 28)
/* Width of a block of columns in a resize: a vector of AVX-512, two of AVX2. */
#define BLOCK 16
/* How often to look before falling asleep: some ten microseconds, less than to be woken costs. */
#define LOOKS 400
/* Numbers that a bucket of a shuffle holds at most: they stay in a core's own cache. */
#define BUCKET 16384

/* One side of a resize, from `in` pixels to `out`: output j is the sum of inputs low[j] .. high[j] - 1, by
 * weights[j * in + k]. */
typedef struct {
    int64_t in, out;
    const int32_t *low, *high;
    const float *weights;
} side;

/* What a ring is made of, as loaders.native writes it. images: uint8 (samples, pixels). labels:
 * (samples,), of label_bytes each: uint8, int16, int32 or int64. order: int64 (samples,), room for an epoch's order, or NULL for the stored one. out: float32
 * (slots, chunk, pixels after the resize), or uint8 (slots, chunk, pixels) if raw. out_labels: int64 (slots, chunk). ready: int64 (slots,). rows and
 * columns: the sides of the resize, whose `out` is 0 where there is none. ask: of images that are a file larger
 * than memory, how many chunks ahead the system is asked to read the rows; 0 for not at all. */
typedef struct {
    int64_t samples, pixels, chunk, slots;
    const uint8_t *images;
    const void *labels;
    int64_t *order;
    void *out;
    int64_t *out_labels;
    _Atomic int64_t *ready;
    side rows, columns;
    int64_t label_bytes, ask, raw;
} plan;

/* next: the first chunk that nobody fills yet. released: the chunks before it may be written over. ready of a
 * slot: the chunk that lies there, plus 1. asleep: threads that wait for a change. */
typedef struct {
    plan p;
    int64_t chunks;
    _Atomic int64_t next, released;
    _Atomic int stop, asleep;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} ring;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A number below `bound`, each equally likely (Lemire 2019). */
static uint64_t below(uint64_t *state, uint64_t bound) {
    unsigned __int128 wide = (unsigned __int128)draw(state) * bound;
    if ((uint64_t)wide < bound) {
        uint64_t threshold = -bound % bound;
        while ((uint64_t)wide < threshold) wide = (unsigned __int128)draw(state) * bound;
    }
    return wide >> 64;
}

/* Fill `order` with 0 .. n - 1 so that every order is equally likely: each number goes to a random bucket, and
 * each bucket is shuffled by itself, in a core's own cache (Rao 1961, Sandelius 1962). */
int shuffle(int64_t *order, int64_t n, uint64_t seed) {
    int bits = 0;
    while (bits < 16 && n >> bits > BUCKET) bits++;
    int64_t buckets = (int64_t)1 << bits, *end = calloc((size_t)buckets + 1, sizeof *end);
    if (end == NULL) return -1;
    uint64_t state = seed;
    if (bits == 0) {
        for (int64_t i = 0; i < n; i++) order[i] = i;
        end[1] = n;
    } else {
        for (int64_t i = 0; i < n; i++) end[(draw(&state) >> (64 - bits)) + 1]++;
        for (int64_t b = 1; b <= buckets; b++) end[b] += end[b - 1];
        state = seed; /* the same buckets again, now that each one's place is known */
        for (int64_t i = 0; i < n; i++) order[end[draw(&state) >> (64 - bits)]++] = i;
        memmove(end + 1, end, (size_t)buckets * sizeof *end);
        end[0] = 0;
    }
    for (int64_t b = 0; b < buckets; b++) {
        for (int64_t i = end[b + 1] - 1; i > end[b]; i--) {
            int64_t j = end[b] + (int64_t)below(&state, (uint64_t)(i - end[b] + 1)), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
    }
    free(end);
    return 0;
}

typedef float block __attribute__((vector_size(BLOCK * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(BLOCK * sizeof(float))));

static block load(const float *from) {
    block to;
    memcpy(&to, from, sizeof to);
    return to;
}

/* Weights that are rounded can sum to a hair over 1. */
static block at_most_one(block values) {
    block ones = {0};
    ones += 1;
    mask above = values > ones;
    return (block)((above & (mask)ones) | (~above & (mask)values));
}

static void scale(const uint8_t *restrict from, float *restrict to, int64_t n) {
    for (int64_t k = 0; k < n; k++) to[k] = (float)from[k] / 255.0f;
}

/* Room for one picture, scaled, and for it with its columns resized, in whole blocks. */
static int64_t room(const plan *p) {
    if (!p->rows.out) return 0;
    return p->rows.in * (p->columns.in + (p->columns.out + BLOCK - 1) / BLOCK * BLOCK);
}

/* Resize one picture: first its columns, a block of them at a time, then its rows. */
static void resize(const plan *p, const uint8_t *restrict from, float *restrict to, float *restrict scratch) {
    const side *rows = &p->rows, *columns = &p->columns;
    int64_t blocks = (columns->out + BLOCK - 1) / BLOCK, stride = blocks * BLOCK;
    float *scaled = scratch, *wide = scratch + rows->in * columns->in;
    scale(from, scaled, rows->in * columns->in);
    for (int64_t b = 0; b < blocks; b++) {
        /* The weights of a block lie transposed: (in, BLOCK). */
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

/* Ask the system to read the rows of a chunk: it begins at once, and doesn't wait for the disk. */
static void ask_for(const plan *p, int64_t chunk) {
    int64_t end = (chunk + 1) * p->chunk < p->samples ? (chunk + 1) * p->chunk : p->samples;
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int64_t i = chunk * p->chunk; i < end; i++) {
        uintptr_t row = (uintptr_t)(p->images + (p->order ? p->order[i] : i) * p->pixels);
        uintptr_t page = row & ~(size - 1);
        madvise((void *)page, (size_t)(row + (uintptr_t)p->pixels - page), MADV_WILLNEED);
    }
}

/* Ask for one line of each row of a group, and for nothing else: labels among them would undo it. */
static void look_up(const plan *p, int64_t start, int64_t end) {
    for (int64_t i = start; i < start + GROUP && i < end; i++) {
        __builtin_prefetch(p->images + (p->order ? p->order[i] : i) * p->pixels, 0, 3);
    }
}

static int64_t label_of(const plan *p, int64_t number) {
    switch (p->label_bytes) {
    case 1: return ((const uint8_t *)p->labels)[number];
    case 2: return ((const int16_t *)p->labels)[number];
    case 4: return ((const int32_t *)p->labels)[number];
    default: return ((const int64_t *)p->labels)[number];
    }
}

static void fill(const plan *p, int64_t chunk, float *scratch) {
    int64_t start = chunk * p->chunk, end = start + p->chunk, slot = chunk % p->slots;
    if (end > p->samples) end = p->samples;
    if (p->ask) {
        /* At the start, for all up to the one so far ahead; then for one more each time. */
        for (int64_t ahead = chunk ? chunk + p->ask : 0; ahead <= chunk + p->ask; ahead++) ask_for(p, ahead);
    }
    int64_t size = p->rows.out ? p->rows.out * p->columns.out : p->pixels;
    float *out = (float *)p->out + slot * p->chunk * size;
    uint8_t *bytes = (uint8_t *)p->out + slot * p->chunk * p->pixels;
    int64_t *labels = p->out_labels + slot * p->chunk;
    int large = p->samples * p->pixels > LARGE;
    if (large) look_up(p, start, end);
    for (int64_t i = start; i < end; i++) {
        if (large && (i - start) % GROUP == 0) look_up(p, i + GROUP, end);
        if (i + AHEAD < p->samples) {
            int64_t soon = p->order ? p->order[i + AHEAD] : i + AHEAD;
            const char *row = (const char *)(p->images + soon * p->pixels);
            for (int64_t k = 0; k < p->pixels + LINE - 1 && k < 64 * LINE; k += LINE) __builtin_prefetch(row + k, 0, 3);
            __builtin_prefetch((const char *)p->labels + soon * p->label_bytes, 0, 3);
        }
        int64_t number = p->order ? p->order[i] : i;
        const uint8_t *from = p->images + number * p->pixels;
        if (p->raw) {
            memcpy(bytes, from, p->pixels);
            bytes += p->pixels;
        } else {
            if (p->rows.out) resize(p, from, out, scratch);
            else scale(from, out, p->pixels);
            out += size;
        }
        *labels++ = label_of(p, number);
    }
}

/* Fill the next chunk if there is one and its slot is free; whether there was. */
static int fill_one(ring *r, float *scratch) {
    int64_t next = atomic_load(&r->next);
    do {
        if (next >= r->chunks || next >= atomic_load(&r->released) + r->p.slots) return 0;
    } while (!atomic_compare_exchange_weak(&r->next, &next, next + 1));
    fill(&r->p, next, scratch);
    atomic_store(&r->p.ready[next % r->p.slots], next + 1);
    return 1;
}

static void wake(ring *r) {
    if (atomic_load(&r->asleep)) {
        pthread_mutex_lock(&r->mutex);
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mutex);
    }
}

static int is_ready(ring *r, int64_t chunk) {
    return atomic_load(&r->p.ready[chunk % r->p.slots]) == chunk + 1;
}

/* Whether a helper has something to do, or nothing more at all. */
static int is_due(ring *r, int64_t unused) {
    (void)unused;
    int64_t next = atomic_load(&r->next);
    return atomic_load(&r->stop) || next >= r->chunks || next < atomic_load(&r->released) + r->p.slots;
}

/* Wait until `happened`: awake for a moment, then asleep. */
static void await(ring *r, int (*happened)(ring *, int64_t), int64_t chunk) {
    for (int looks = 0; looks < LOOKS; looks++) {
        if (happened(r, chunk)) return;
        relax();
    }
    pthread_mutex_lock(&r->mutex);
    /* Counted before it looks again, so that whoever changes what it looks at knows to wake it. */
    atomic_fetch_add(&r->asleep, 1);
    while (!happened(r, chunk)) pthread_cond_wait(&r->changed, &r->mutex);
    atomic_fetch_sub(&r->asleep, 1);
    pthread_mutex_unlock(&r->mutex);
}

/* NULL where memory is short. */
ring *ring_open(const plan *p) {
    ring *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->p = *p;
    r->chunks = (p->samples + p->chunk - 1) / p->chunk;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

void ring_close(ring *r) {
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->changed);
    free(r);
}

/* Begin an epoch, while no thread is in the ring: draw its order, where there is room for one. */
int ring_begin(ring *r, uint64_t seed) {
    if (r->p.order && shuffle(r->p.order, r->p.samples, seed)) return -1;
    for (int64_t slot = 0; slot < r->p.slots; slot++) atomic_store(&r->p.ready[slot], 0);
    atomic_store(&r->next, 0);
    atomic_store(&r->released, 0);
    atomic_store(&r->stop, 0);
    return 0;
}

/* Fill chunks until the epoch has none left, or ring_stop. */
int ring_help(ring *r) {
    float *scratch = malloc((size_t)room(&r->p) * sizeof *scratch + 1);
    if (scratch == NULL) return -1;
    while (!atomic_load(&r->stop) && atomic_load(&r->next) < r->chunks) {
        if (fill_one(r, scratch)) wake(r);
        else await(r, is_due, 0);
    }
    free(scratch);
    return 0;
}

/* Take a chunk, each in turn: it and the one before it stay as they are until the next but one is taken. */
int ring_take(ring *r, int64_t chunk) {
    if (chunk > 1) {
        atomic_store(&r->released, chunk - 1);
        /* To wake a helper is dear: not before it finds work for a while. */
        if (r->p.slots - (atomic_load(&r->next) - (chunk - 1)) >= (r->p.slots - 1) / 2) wake(r);
    }
    if (is_ready(r, chunk)) return 0;
    float *scratch = malloc((size_t)room(&r->p) * sizeof *scratch + 1);
    if (scratch == NULL) return -1;
    while (!is_ready(r, chunk)) {
        if (fill_one(r, scratch)) wake(r);
        else await(r, is_ready, chunk);
    }
    free(scratch);
    return 0;
}

/* Have helpers return before the epoch's end. */
void ring_stop(ring *r) {
    atomic_store(&r->stop, 1);
    wake(r);
}
