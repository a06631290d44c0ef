/* A ring of chunks of batches. Rows of uint8 are gathered in an epoch's order, scaled to [0, 1], resized if asked
 * for, and handed over one chunk after another.
 *
 * Helper threads fill chunks in ring_help. The training thread takes them in ring_take. Where a chunk is late it
 * fills one instead of sleeping, together with torch's own threads, which are idle meanwhile. So a machine without
 * an idle core doesn't wait for a thread, and a machine with one finds its chunks filled. No thread holds Python's
 * GIL in here.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "plan.h"
#include "gather.h"
#include "resize.h"
#include "shuffle.h"

/* Beyond LARGE bytes of images, nearly every row needs a page walk. A core does several walks at once only if
 * nothing comes between them, so one cache line of each row of a group is prefetched first. Smaller images
 * would gain nothing. */
#define GROUP 64
#define LARGE ((int64_t)1 << 28)
/* A thread that waits looks for a change for SPIN_NS before it sleeps: a wake-up costs both threads some ten
 * microseconds, and a train step is often shorter than that. After LOOKS looks it offers its core to others. */
#define SPIN_NS 1000000
#define LOOKS 64
/* A ring.
 *
 * chunks: chunks in an epoch.
 * next: the first chunk that no thread fills yet.
 * released: chunks before this one may be overwritten.
 * ready of a slot: the number of the chunk in it, plus 1.
 * failed: whether memory was short.
 * asleep: threads that sleep until something changes.
 * together: whether torch's threads help to fill the chunks that ring_take fills. */
typedef struct {
    plan p;
    int64_t chunks;
    _Atomic int64_t next, released;
    _Atomic int stop, failed, asleep;
    int together;
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

/* Return the number of samples in a chunk. */
static int64_t count_rows(const plan *p, int64_t chunk) {
    int64_t left = p->samples - chunk * p->chunk;
    return left < p->chunk ? left : p->chunk;
}

/* Scale a row of n pixels. Meanwhile prefetch a later row, and the place where the next one is written. */
static void scale_row(const uint8_t *from, float *to, int64_t n, const uint8_t *later, const float *place) {
    for (int64_t k = 0; k < n; k += LINE) {
        if (k < MOST_AHEAD) __builtin_prefetch(later + k, 0, 3);
        for (int64_t j = 0; j < LINE; j += LINE / 4) __builtin_prefetch(place + k + j, 1, 3);
        scale(from + k, to + k, n - k < LINE ? n - k : LINE);
    }
    /* A row rarely begins at the start of a cache line, and so lies in one line more. */
    __builtin_prefetch(later + (n < MOST_AHEAD ? n : MOST_AHEAD) - 1, 0, 3);
}

/* Fill rows `first` to `last` - 1 of a chunk, for a thread on another core if `beside`. Return -1 if memory is
 * short. */
static int fill(const plan *p, int64_t chunk, int64_t first, int64_t last, int beside) {
    int64_t size = p->rows.out ? p->rows.out * p->columns.out : p->pixels, place = chunk % p->slots * p->chunk + first;
    float *out = (float *)p->out + place * size, *scratch = NULL;
    uint8_t *bytes = (uint8_t *)p->out + place * p->pixels;
    int64_t *labels = p->out_labels + place, start = chunk * p->chunk + first, end = chunk * p->chunk + last;
    int large = p->samples * p->pixels > LARGE, scaled = !p->raw && !p->rows.out;
    if (room(p) && (scratch = malloc((size_t)room(p) * sizeof *scratch)) == NULL) return -1;
    if (p->ask && first == 0) {
        /* The first chunk asks for all chunks up to p->ask ahead, each later one for one more. */
        for (int64_t ahead = chunk ? chunk + p->ask : 0; ahead <= chunk + p->ask; ahead++) ask_for(p, ahead);
    }
    if (large) look_up(p, start, end);
    for (int64_t i = start; i < end; i++) {
        if (large && (i - start) % GROUP == 0) look_up(p, i + GROUP, end);
        int64_t soon = i + AHEAD < p->samples ? i + AHEAD : i;
        if (p->order) soon = p->order[soon];
        const uint8_t *later = p->images + soon * p->pixels;
        __builtin_prefetch((const char *)p->labels + soon * p->label_bytes, 0, 3);
        for (int64_t k = 0; !scaled && k < p->pixels + LINE - 1 && k < MOST_AHEAD; k += LINE) {
            __builtin_prefetch(later + k, 0, 3);
        }
        int64_t number = p->order ? p->order[i] : i;
        const uint8_t *from = p->images + number * p->pixels;
        if (p->raw) {
            memcpy(bytes, from, p->pixels);
            bytes += p->pixels;
        } else {
            if (p->rows.out) resize(p, from, out, scratch);
            else scale_row(from, out, p->pixels, later, i + 1 < end ? out + size : out);
            if (beside) hand_down(out, size * (int64_t)sizeof *out);
            out += size;
        }
        *labels++ = label_of(p, number);
    }
    free(scratch);
    return 0;
}

/* A chunk that torch's threads fill together. */
typedef struct {
    const plan *p;
    int64_t chunk;
    _Atomic int failed;
} shared;

/* Fill this thread's share of a chunk: a run of rows, so that threads write to few common cache lines. */
static void fill_share(void *given) {
    shared *s = given;
    int64_t rows = count_rows(s->p, s->chunk), member = s->p->team.number(), members = s->p->team.count();
    if (fill(s->p, s->chunk, rows * member / members, rows * (member + 1) / members, 0)) s->failed = 1;
}

/* Fill the next chunk if there is one and its slot is free; return whether it was. A helper fills it alone, for the
 * training thread. */
static int fill_one(ring *r, int helper) {
    int64_t next = atomic_load(&r->next);
    do {
        if (next >= r->chunks || next >= atomic_load(&r->released) + r->p.slots) return 0;
    } while (!atomic_compare_exchange_weak(&r->next, &next, next + 1));
    int failed;
    if (!helper && r->together) {
        shared s = {&r->p, next, 0};
        /* 0 threads stands for as many as torch has. Another number would make OpenMP start new threads. */
        r->p.team.parallel(fill_share, &s, 0, 0);
        failed = s.failed;
    } else {
        failed = fill(&r->p, next, 0, count_rows(&r->p, next), helper);
    }
    if (failed) atomic_store(&r->failed, 1);
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

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Wait until `happened` returns true: first awake, then asleep. */
static void await(ring *r, int (*happened)(ring *, int64_t), int64_t chunk) {
    for (int64_t began = now_ns(); now_ns() - began < SPIN_NS; sched_yield()) {
        for (int looks = 0; looks < LOOKS; looks++) {
            if (happened(r, chunk)) return;
            relax();
        }
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

/* Begin an epoch, while no thread is in the ring, and draw its order. ring_take fills chunks together with torch's
 * threads if `together`. Return -1 if memory is short. */
int ring_begin(ring *r, uint64_t seed, int together) {
    if (r->p.order && shuffle(r->p.order, r->p.samples, seed)) return -1;
    for (int64_t slot = 0; slot < r->p.slots; slot++) atomic_store(&r->p.ready[slot], 0);
    atomic_store(&r->next, 0);
    atomic_store(&r->released, 0);
    atomic_store(&r->stop, 0);
    atomic_store(&r->failed, 0);
    r->together = together && r->p.team.parallel != NULL;
    return 0;
}

/* Fill chunks until the epoch has none left, or ring_stop is called. */
void ring_help(ring *r) {
    while (!atomic_load(&r->stop) && atomic_load(&r->next) < r->chunks) {
        if (fill_one(r, 1)) wake(r);
        else await(r, is_due, 0);
    }
}

/* Return once a chunk is ready; chunks are taken in order. Chunk n is valid until chunk n+2 is taken. Return -1 if
 * memory is short. */
int ring_take(ring *r, int64_t chunk) {
    if (chunk > 1) {
        atomic_store(&r->released, chunk - 1);
        /* Waking a helper is expensive, so it must find work for a while. */
        if (r->p.slots - (atomic_load(&r->next) - (chunk - 1)) >= (r->p.slots - 1) / 2) wake(r);
    }
    while (!is_ready(r, chunk)) {
        if (fill_one(r, 0)) wake(r);
        else await(r, is_ready, chunk);
    }
    return atomic_load(&r->failed) ? -1 : 0;
}

/* Let helpers return before the epoch's end. */
void ring_stop(ring *r) {
    atomic_store(&r->stop, 1);
    wake(r);
}
