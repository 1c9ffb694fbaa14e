/* recipe.c -- what stands at the top of a text: its settings, and how its kernels are launched. */
#include "recipe.h"

#include <string.h>

static void print_settings(const Kernel *k, Text *t)
{
	int n = 0;

	text_puts(t, "// with ");
	for (int i = 0; i < k->nsettings; i++) {
		const Setting *s = &k->settings[i];

		text_puts(t, n++ ? ", " : "");
		if (s->text)
			text_add(t, "%s=%s", s->name, s->text);
		else
			text_add(t, "%s=%g", s->name, s->value);
	}
	text_puts(t, "\n");
}

static void print_factors(const Kernel *k, const Factor *f, int n, Text *t)
{
	if (!n)
		text_puts(t, "1");
	for (int i = 0; i < n; i++) {
		text_puts(t, i ? " * " : "");
		if (f[i].kind == FACTOR_CONST)
			text_add(t, "%lld", (long long)f[i].value);
		else if (f[i].kind == FACTOR_SEGS)
			text_add(t, f[i].value ? "(segments - %d)" : "segments", (int)f[i].value);
		else if (f[i].value == 1)
			text_puts(t, k->axes[f[i].axis]->name);
		else
			text_add(t, "ceil(%s / %lld)", k->axes[f[i].axis]->name, (long long)f[i].value);
	}
}

static void print_map(const Kernel *k, const Param *p, Text *t)
{
	const MapText *m = p->map;
	const Arg *a;

	if (p->kind != PARAM_MAP)
		return;
	a = k->args[p->arg];
	text_add(t, "// tensor map %s: %s as (", p->name, a->name);
	for (int i = 0; i < m->rank; i++)
		text_add(t, "%s%s", i ? ", " : "", a->axis[m->axis[i]]->name);
	text_puts(t, "), box (");
	for (int i = 0; i < m->rank; i++)
		text_add(t, "%s%d", i ? ", " : "", m->box[i]);
	text_add(t, "), innermost first, swizzle %d bytes, zeros beyond the tensor\n", m->swizzle);
}

void recipe_print(const Module *m, Text *t)
{
	const char *slash = strrchr(m->k->file, '/');

	text_add(t, "// %s -- generated from %s for %s; do not edit.\n", m->k->name,
	         slash ? slash + 1 : m->k->file, m->arch);
	if (m->k->doc)
		text_add(t, "// %s\n", m->k->doc);
	print_settings(m->k, t);
	for (int i = 0; i < m->nkernels; i++) {
		const KernelText *x = &m->kernel[i];

		text_add(t, "// launch %s: blocks = %s", x->name, x->most ? "min(" : "");
		print_factors(m->k, x->grid, x->nfactors, t);
		if (x->most)
			text_add(t, ", %d)", x->most);
		text_add(t, ", threads = %d, dynamic shared memory = %d bytes", x->threads, x->smem);
		if (x->cluster > 1)
			text_add(t, ", in clusters of %d where that divides blocks", x->cluster);
		text_add(t, x->from_segs ? "; from %d segments\n" : "\n", x->from_segs);
		for (int p = 0; p < x->nparams; p++)
			print_map(m->k, &x->param[p], t);
	}
	for (int i = 0; i < m->nwork; i++) {
		text_add(t, "// workspace %s: ", m->work[i].name);
		print_factors(m->k, m->work[i].size, m->work[i].nfactors, t);
		text_puts(t, " floats, not initialised\n");
	}
	text_puts(t, "// strides (X_sA: of argument X along axis A) are in elements; matrices' last "
	             "axes are contiguous.\n");
}
