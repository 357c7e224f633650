/* The dice: everything that is made up is a function of (seed, what, which), so that nothing needs
 * storing. */
#ifndef SIM_HASH_H
#define SIM_HASH_H

#include <stdint.h>

/* splitmix64's finaliser over a combination of two words. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t mix3(uint64_t a, uint64_t b, uint64_t c)
{
    return mix(mix(a, b), c);
}

static inline uint32_t pick(uint64_t hash, uint32_t n)
{
    return n ? (uint32_t)((hash >> 11) % n) : 0;
}

/* True in `percent` cases of 100. */
static inline int chance(uint64_t hash, uint32_t percent)
{
    return pick(hash, 100) < percent;
}

#endif
