/* affine_test.c -- which specs can be cut in segments, and why the others cannot. Run in the top
 * folder. */
#include <stdio.h>
#include <string.h>

#include "../../codegen/spec.h"

static const struct {
	const char *path, *why; /* NULL: can be cut */
} cases[] = {
    {"specs/based_prefill.lua", NULL},
    {"specs/retention.lua", NULL},
    {"specs/simple_gla.lua", NULL},
    {"specs/flash_attention.lua", "l is a variable: it may become anything"},
    {"specs/taylor_feature_map.lua", "nothing is carried by a state"},
    {"tests/unit/delta.lua", "the update of S depends on S, which is carried"},
};

int main(void)
{
	volatile int failed = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		Arena *a = arena_new();
		const char *why = NULL;
		Loc at;
		Diag d;

		if (DIAG_TRY(&d)) {
			printf("FAIL affine_%s: %s\n", cases[i].path, d.text);
			return 1;
		}
		Spec *s = spec_open(&d, cases[i].path, cases[i].path);
		const Op *loop = ir_segment_loop(spec_trace(s, &d, a, 0, NULL, NULL), &at, &why);
		int ok = cases[i].why ? why && !strcmp(why, cases[i].why) : loop && !why;

		printf("%s affine_%s%s%s\n", ok ? "ok" : "FAIL", cases[i].path, ok ? "" : ": ",
		       ok    ? ""
		       : why ? why
		             : "can be cut");
		failed = failed || !ok;
		spec_close(s);
		arena_free(a);
	}
	return failed;
}
