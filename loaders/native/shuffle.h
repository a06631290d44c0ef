/* A random order of many numbers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most numbers in a bucket of a shuffle: they stay in a core's own cache. */
#define BUCKET 16384

/* Return a random number by splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Return a number below `bound`, each equally likely (Lemire 2019). */
static uint64_t below(uint64_t *state, uint64_t bound) {
    unsigned __int128 wide = (unsigned __int128)draw(state) * bound;
    if ((uint64_t)wide < bound) {
        uint64_t threshold = -bound % bound;
        while ((uint64_t)wide < threshold) wide = (unsigned __int128)draw(state) * bound;
    }
    return wide >> 64;
}

/* Fill `order` with 0 .. n - 1, every order equally likely. Each number goes to a random bucket, and each bucket
 * is shuffled in a core's own cache (Rao 1961, Sandelius 1962). Return -1 if memory is short. */
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
        state = seed; /* draws the same buckets again, whose places are known now */
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
