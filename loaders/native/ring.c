/* A ring of chunks of batches. Rows of uint8 are gathered in an epoch's order, scaled to [0, 1], resized if asked
 * for, and handed over one chunk after another.
 *
 * Helper threads fill chunks in ring_help. The training thread takes them in ring_take, and fills a chunk itself
 * instead of sleeping. So a machine without an idle core doesn't wait for a thread, and a machine with one finds
 * its chunks filled. No thread holds Python's GIL in here.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plan.h"
#include "resize.h"
#include "shuffle.h"

/* Rows that are prefetched into the cache before their turn: a row at a random place takes about as long to
 * arrive as six others to convert. */
#define AHEAD 6
#define LINE 64
/* Beyond LARGE bytes of images, nearly every row needs a page walk. A core does several walks at once only if
 * nothing comes between them, so one cache line of each row of a group is prefetched first. Smaller images
 * would gain nothing. */
#define GROUP 64
#define LARGE ((int64_t)1 << 28)
/* Checks before a thread sleeps: some ten microseconds, less than waking it costs. */
#define LOOKS 400
/* A ring.
 *
 * chunks: chunks in an epoch.
 * next: the first chunk that no thread fills yet.
 * released: chunks before this one may be overwritten.
 * ready of a slot: the number of the chunk in it, plus 1.
 * asleep: threads that wait for a change. */
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

/* Ask the system to read the rows of a chunk from the disk, without waiting for them. */
static void ask_for(const plan *p, int64_t chunk) {
    int64_t end = (chunk + 1) * p->chunk < p->samples ? (chunk + 1) * p->chunk : p->samples;
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int64_t i = chunk * p->chunk; i < end; i++) {
        uintptr_t row = (uintptr_t)(p->images + (p->order ? p->order[i] : i) * p->pixels);
        uintptr_t page = row & ~(size - 1);
        madvise((void *)page, (size_t)(row + (uintptr_t)p->pixels - page), MADV_WILLNEED);
    }
}

/* Prefetch one cache line of each row of a group, and nothing else in between. */
static void look_up(const plan *p, int64_t start, int64_t end) {
    for (int64_t i = start; i < start + GROUP && i < end; i++) {
        __builtin_prefetch(p->images + (p->order ? p->order[i] : i) * p->pixels, 0, 3);
    }
}

/* Return the label of a sample, whatever its width. */
static int64_t label_of(const plan *p, int64_t number) {
    switch (p->label_bytes) {
    case 1: return ((const uint8_t *)p->labels)[number];
    case 2: return ((const int16_t *)p->labels)[number];
    case 4: return ((const int32_t *)p->labels)[number];
    default: return ((const int64_t *)p->labels)[number];
    }
}

/* Fill a chunk. */
static void fill(const plan *p, int64_t chunk, float *scratch) {
    int64_t start = chunk * p->chunk, end = start + p->chunk, slot = chunk % p->slots;
    if (end > p->samples) end = p->samples;
    if (p->ask) {
        /* The first chunk asks for all chunks up to p->ask ahead, each later one for one more. */
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

/* Fill the next chunk if there is one and its slot is free; return whether it was. */
static int fill_one(ring *r, float *scratch) {
    int64_t next = atomic_load(&r->next);
    do {
        if (next >= r->chunks || next >= atomic_load(&r->released) + r->p.slots) return 0;
    } while (!atomic_compare_exchange_weak(&r->next, &next, next + 1));
    fill(&r->p, next, scratch);
    atomic_store(&r->p.ready[next % r->p.slots], next + 1);
    return 1;
}

/* Wake all threads that sleep. */
static void wake(ring *r) {
    if (atomic_load(&r->asleep)) {
        pthread_mutex_lock(&r->mutex);
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mutex);
    }
}

/* Return whether a chunk has been filled. */
static int is_ready(ring *r, int64_t chunk) {
    return atomic_load(&r->p.ready[chunk % r->p.slots]) == chunk + 1;
}

/* Return whether a helper can fill a chunk, or must return. */
static int is_due(ring *r, int64_t unused) {
    (void)unused;
    int64_t next = atomic_load(&r->next);
    return atomic_load(&r->stop) || next >= r->chunks || next < atomic_load(&r->released) + r->p.slots;
}

/* Wait until `happened` returns true: first awake, then asleep. */
static void await(ring *r, int (*happened)(ring *, int64_t), int64_t chunk) {
    for (int looks = 0; looks < LOOKS; looks++) {
        if (happened(r, chunk)) return;
        relax();
    }
    pthread_mutex_lock(&r->mutex);
    /* Counted before the next check, so that a thread that changes the ring sees that it must wake this one. */
    atomic_fetch_add(&r->asleep, 1);
    while (!happened(r, chunk)) pthread_cond_wait(&r->changed, &r->mutex);
    atomic_fetch_sub(&r->asleep, 1);
    pthread_mutex_unlock(&r->mutex);
}

/* Open a ring; return NULL if memory is short. */
ring *ring_open(const plan *p) {
    ring *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->p = *p;
    r->chunks = (p->samples + p->chunk - 1) / p->chunk;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

/* Free a ring, while no thread is in it. */
void ring_close(ring *r) {
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->changed);
    free(r);
}

/* Begin an epoch, while no thread is in the ring, and draw its order. Return -1 if memory is short. */
int ring_begin(ring *r, uint64_t seed) {
    if (r->p.order && shuffle(r->p.order, r->p.samples, seed)) return -1;
    for (int64_t slot = 0; slot < r->p.slots; slot++) atomic_store(&r->p.ready[slot], 0);
    atomic_store(&r->next, 0);
    atomic_store(&r->released, 0);
    atomic_store(&r->stop, 0);
    return 0;
}

/* Fill chunks until the epoch has none left, or ring_stop is called. Return -1 if memory is short. */
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

/* Return once a chunk is ready; chunks are taken in order. Chunk n is valid until chunk n+2 is taken. Return -1 if
 * memory is short. */
int ring_take(ring *r, int64_t chunk) {
    if (chunk > 1) {
        atomic_store(&r->released, chunk - 1);
        /* Waking a helper is expensive, so it must find work for a while. */
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

/* Let helpers return before the epoch's end. */
void ring_stop(ring *r) {
    atomic_store(&r->stop, 1);
    wake(r);
}
