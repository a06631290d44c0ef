/* Copies of rows at random places in memory, and what makes them fast.
 *
 * It needs plan.h. */
#include <stdint.h>
#include <string.h>
#ifdef __CLDEMOTE__
#include <immintrin.h>
#endif

/* Rows that are prefetched into the cache before their turn: a row at a random place takes about as long to
 * arrive as six others to convert. */
#define AHEAD 6
#define LINE 64
/* Bytes of a row that are prefetched at most. */
#define MOST_AHEAD (64 * LINE)

/* Hand bytes down to the cache that all cores share. The training thread runs on another core, and reads them from
 * there in less time than out of this core's own cache. */
static void hand_down(const void *from, int64_t bytes) {
#ifdef __CLDEMOTE__
    for (int64_t k = 0; k < bytes; k += LINE) _cldemote((void *)((uintptr_t)from + (uintptr_t)k));
#else
    (void)from;
    (void)bytes;
#endif
}

/* Rows of `size` bytes at the places `order` (rows,) of `from`, to be copied one after another to `to`. */
typedef struct {
    const char *from;
    int64_t size, rows;
    const int64_t *order;
    char *to;
    const team *team;
} gathering;

/* Copy rows `first` to `last` - 1. */
static void copy_rows(const gathering *g, int64_t first, int64_t last) {
    char *to = g->to + first * g->size;
    for (int64_t i = first; i < last; i++, to += g->size) {
        const char *from = g->from + g->order[i] * g->size;
        const char *later = g->from + g->order[i + AHEAD < g->rows ? i + AHEAD : i] * g->size;
        const char *place = i + 1 < last ? to + g->size : to;
        for (int64_t k = 0; k < g->size; k += LINE) {
            if (k < MOST_AHEAD) __builtin_prefetch(later + k, 0, 3);
            __builtin_prefetch(place + k, 1, 3);
            if (g->size - k >= LINE) memcpy(to + k, from + k, LINE);
            else memcpy(to + k, from + k, (size_t)(g->size - k));
        }
    }
}

/* Copy this thread's share of the rows. */
static void copy_share(void *given) {
    const gathering *g = given;
    int64_t member = g->team->number(), members = g->team->count();
    copy_rows(g, g->rows * member / members, g->rows * (member + 1) / members);
}

/* Copy all rows, together with torch's threads. */
void gather(const gathering *g) {
    g->team->parallel(copy_share, (void *)g, 0, 0);
}
