/* print.c -- the tile IR as text, one line an op, indented by region.
 *
 *   %12 = dot %3 %7 : f32 [64n, 64n]  -- x.lua:21 s
 *
 * A dimension that runs over a range carries its axis: lower case for a loop's, as written for
 * the grid's. Deterministic: ids count from the order of creation.
 */
#include "ir.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static void print_number(Text *t, double v)
{
	if (isinf(v))
		text_puts(t, v < 0 ? "-inf" : "inf");
	else
		text_add(t, "%.9g", v);
}

static void print_range(Text *t, const Range *r)
{
	char name[64];
	size_t i;

	for (i = 0; r->axis->name[i] && i + 1 < sizeof name; i++)
		name[i] = r->kind == RANGE_LOOP ? (char)tolower((unsigned char)r->axis->name[i])
		                                : r->axis->name[i];
	name[i] = 0;
	if (r->kind == RANGE_GRID || r->kind == RANGE_LOOP)
		text_add(t, "%d%s", r->n, name);
	else
		text_add(t, r->kind == RANGE_ONE ? "%s" : "%s:", name);
}

static void print_shape(Text *t, const Op *o)
{
	text_add(t, " : %s", dtype_name(o->dtype));
	for (int i = 0; i < o->rank; i++) {
		text_puts(t, i ? ", " : " [");
		if (o->dim[i].range)
			print_range(t, o->dim[i].range);
		else
			text_add(t, "%d", o->dim[i].n);
	}
	if (o->rank)
		text_puts(t, "]");
}

static void print_attributes(Text *t, const Op *o)
{
	if (o->arg) {
		text_add(t, " %s", o->arg->name);
		for (int i = 0; i < o->arg->rank; i++) {
			text_puts(t, i ? ", " : "[");
			print_range(t, o->at[i]);
		}
		if (o->arg->rank)
			text_puts(t, "]");
	}
	if (o->axis)
		text_add(t, " size(%s)", o->axis->name);
	if (o->range && o->code == OP_index) {
		text_puts(t, " ");
		print_range(t, o->range);
	}
	if (o->code == OP_const_ || o->code == OP_full) {
		text_puts(t, " ");
		print_number(t, o->value);
	}
	if (op_info[o->code].class == REDUCE || o->code == OP_expand)
		text_add(t, " dim=%d", o->axis_dim);
	if (o->code == OP_slice)
		text_add(t, " lo=%d", o->lo);
}

static void print_region(Text *t, const Region *r, int indent)
{
	for (const Op *o = r->first; o; o = o->next) {
		OpClass class = op_info[o->code].class;
		bool result = class != EFFECT && class != REGION && o->code != OP_set &&
		              o->code != OP_decay && o->code != OP_update;
		const char *base = o->loc.file ? strrchr(o->loc.file, '/') : NULL;

		text_add(t, "%*s", indent, "");
		if (result)
			text_add(t, "%%%d = ", o->id);
		text_puts(t, op_info[o->code].name);
		if (o->code == OP_loop) {
			text_puts(t, " ");
			print_range(t, o->range);
			text_add(t, "%s%s", o->reverse ? " reverse" : "", o->mask ? " masked" : "");
			if (o->mask)
				text_add(t, " by %%%d", o->mask->id);
		}
		print_attributes(t, o);
		for (int i = 0; i < o->nsrc; i++)
			text_add(t, " %%%d", o->src[i]->id);
		if (result)
			print_shape(t, o);
		if (o->loc.file)
			text_add(t, "  -- %s:%d", base ? base + 1 : o->loc.file, o->loc.line);
		if (o->name)
			text_add(t, " %s", o->name);
		text_puts(t, "\n");
		if (o->body)
			print_region(t, o->body, indent + 2);
	}
}

void ir_print(const Kernel *k, Text *t)
{
	text_add(t, "kernel %s\n", k->name);
	for (int i = 0; i < k->nargs; i++) {
		const Arg *a = k->args[i];

		text_add(t, "arg %s : %s", a->name, dtype_name(a->dtype));
		for (int j = 0; j < a->rank; j++) {
			bool group = j + 1 < a->rank && a->mem_of[j + 1] == a->mem_of[j];
			bool inside = j > 0 && a->mem_of[j - 1] == a->mem_of[j];

			text_add(t, " %s%s%s", group && !inside ? "(" : "", a->axis[j]->name,
			         inside && !group ? ")" : "");
		}
		text_add(t, "%s%s\n", a->output ? " out" : "",
		         !a->optional ? ""
		         : a->present ? " optional"
		                      : " absent");
	}
	text_puts(t, "grid");
	for (int i = 0; i < k->grid.n; i++) {
		text_puts(t, " ");
		print_range(t, k->grid.range[i]);
	}
	text_puts(t, "\nset");
	for (int i = 0; i < k->nsettings; i++) {
		text_add(t, " %s=", k->settings[i].name);
		if (k->settings[i].text)
			text_puts(t, k->settings[i].text);
		else
			print_number(t, k->settings[i].value);
	}
	text_puts(t, "\n");
	print_region(t, k->body, 0);
}
