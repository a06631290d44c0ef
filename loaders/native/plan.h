/* The description of a ring, as Python writes it; loaders/native/library.py has the same structures. */
#include <stdatomic.h>
#include <stdint.h>

/* Resize of one side from `in` to `out` pixels: output j is the sum of inputs k = low[j] .. high[j] - 1, weighted
 * by weights[j * in + k]. */
typedef struct {
    int64_t in, out;
    const int32_t *low, *high;
    const float *weights;
} side;

/* The threads that torch computes with, by functions of its own OpenMP library: they are idle while the training
 * thread loads. `parallel` runs a function on each of them and on the calling thread, and returns when all have
 * returned; NULL if there is no such library. Inside, `number` tells a thread's number, and `count` how many there are. */
typedef struct {
    void (*parallel)(void (*function)(void *), void *argument, unsigned threads, unsigned flags);
    int (*number)(void);
    int (*count)(void);
} team;

/* Description of a ring.
 *
 * samples, pixels: number of images, and pixels of each.
 * chunk, slots: samples in a chunk, and chunks that the ring holds.
 * images: uint8 (samples, pixels).
 * labels: (samples,), of label_bytes each: uint8, int16, int32 or int64.
 * order: int64 (samples,), room for an epoch's order; NULL for the stored order.
 * out: float32 (slots, chunk, pixels after the resize), or uint8 (slots, chunk, pixels) if raw.
 * out_labels: int64 (slots, chunk).
 * ready: int64 (slots,).
 * rows, columns: both sides of the resize; their `out` is 0 for no resize.
 * ask: chunks that the system is asked to read ahead, for images in a file larger than memory; 0 for none.
 * raw: whether pixels are copied as they are.
 * team: torch's threads. */
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
    team team;
} plan;
