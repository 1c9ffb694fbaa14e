/* tidy_test.c -- generated expressions keep their value and lose their noise. */
#include "../../codegen/tidy.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *from, *to;
} cases[] = {
    {"x = ((a));", "x = a;"},
    {"mma(d[0][j], d[2 * 0 + 1][j], q[0 + 1][2 * k]);", "mma(d[0][j], d[1][j], q[1][2 * k]);"},
    {"ring + (0) * 64 + 256 * (i)", "ring + 256 * i"},
    {"a + (b + c)", "a + (b + c)"}, /* floats: the order is kept */
    {"(a + b) + c", "a + b + c"},
    {"a - (b - c)", "a - (b - c)"},
    {"a / (b * c)", "a / (b * c)"},
    {"(a * b) / c", "a * b / c"},
    {"-(a + b) * c", "-(a + b) * c"},
    {"-(-x)", "-(-x)"},
    {"f((a >= b) ? (c - d) : -inf())", "f(a >= b ? c - d : -inf())"},
    {"(a ? b : c) ? d : e", "(a ? b : c) ? d : e"},
    {"((a) >= (b)) & (c < d)", "(a >= b) & (c < d)"},
    {"(a & b) == c", "(a & b) == c"},
    {"s + 1024 * (2 * m) + (l ^ 16 * (j))", "s + 2048 * m + (l ^ 16 * j)"},
    {"(i64)(n0 + (g)) * stride", "(i64)(n0 + g) * stride"},
    {"(float)(a) * 1", "(float)a"},
    {"0.0f + g", "0.0f + g"}, /* -0 + 0 is not -0 */
    {"warp % 4 + warp / 1 % 4 + warp / 2 % 2", "warp + warp + warp / 2"},
    {"warp % 2 * 32 + warp / 4 % 2", "(warp % 2) * 32"},
    {"int j = 0; j < (8); j += 2", "int j = 0; j < 8; j += 2"},
    {"const int n0 = n * 1;", "const int n0 = n;"},
    {"x[i] *= (y[i]);", "x[i] *= y[i];"},
    {"const float w[2] = { (a), (b) };", "const float w[2] = { (a), (b) };"},
    {"0x10u * (x) + 1e-5f", "0x10u * x + 1e-5f"},
    {"u32 x[4];", "u32 x[4];"},
    {"f() * 0", "f() * 0"},
};

int main(void)
{
	Arena *a = arena_new();
	int bad = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *s = tidy_text(a, cases[i].from, 4);

		if (strcmp(s, cases[i].to)) {
			printf("FAIL tidy %s: got %s\n", cases[i].from, s);
			bad++;
		}
	}
	if (!bad)
		printf("ok tidy\n");
	arena_free(a);
	return bad != 0;
}
