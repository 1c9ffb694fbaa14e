/* dice.h -- random choices, the same for the same seed. */
#ifndef AZ_FUZZ_DICE_H
#define AZ_FUZZ_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Dice {
	uint64_t state;
} Dice;

static inline uint64_t dice_bits(Dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline int dice_below(Dice *d, int n)
{
	return (int)(dice_bits(d) % (uint64_t)(n > 0 ? n : 1));
}

static inline bool dice_percent(Dice *d, int p)
{
	return dice_below(d, 100) < p;
}

#define DICE_PICK(d, array) ((array)[dice_below((d), (int)(sizeof(array) / sizeof *(array)))])

static inline Dice dice_new(uint64_t seed, uint64_t index)
{
	Dice d = {seed * 0xd6e8feb86659fd93u + index};

	dice_bits(&d);
	d.state ^= dice_bits(&d);
	return d;
}

#endif
