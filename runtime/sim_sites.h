/* sim_sites.h -- the tokens of a generated text's kernels, and how far operands reach. */
#ifndef AZ_SIM_SITES_H
#define AZ_SIM_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "../codegen/arena.h"

typedef enum TokenKind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_SIGN } TokenKind;

typedef struct Token {
	const char *s;       /* in the text */
	int n, line, kernel; /* which kernel of the text, from 0 */
	TokenKind kind;
	int match; /* of a bracket: the other one's index; else -1 */
} Token;

typedef struct Tokens {
	int n;
	Token *t;
	const char **kernel; /* names, by Token.kernel */
} Tokens;

/* Tokens between the outer braces of every __global__ function, in order; comments, preprocessor
 * lines and everything outside kernels are left out. */
Tokens sim_tokens(Arena *a, const char *text);
bool token_is(const Tokens *t, int i, const char *s); /* false outside the table */

/* C's levels of binding of the binary operator at i, from 1 for * to 13 for the comma, brackets
 * and the semicolon; 0 where there is none. */
enum { LEVEL_SUM = 2, LEVEL_ORDER = 4, LEVEL_EQUAL, LEVEL_AND, LEVEL_XOR, LEVEL_END = 13 };
int token_level(const Tokens *t, int i);
/* The operands of the binary operator at i: [token_left(i), i) and [i + 1, token_right(i)). */
int token_left(const Tokens *t, int i);
int token_right(const Tokens *t, int i);
/* The argument `k` of the call whose "(" is at open; false when there are fewer. */
bool token_argument(const Tokens *t, int open, int k, int *from, int *to);

#endif
