/* node.c -- the nodes of a program under way, and its leaves: loads, constants, what is there. */
#include "make.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int node_add(Make *m, Form f, Sort sort, int rank, const int *dim)
{
	Program *p = m->p;
	Node *x = &p->node[p->nnodes];

	if (p->nnodes == MAX_NODES)
		bug("fuzz: a program of more than %d nodes", MAX_NODES);
	memset(x, 0, sizeof *x);
	x->form = f;
	x->sort = sort;
	x->rank = rank;
	for (int i = 0; i < rank; i++)
		x->dim[i] = dim[i];
	x->parameter = x->carried = -1;
	x->scope = m->scope;
	x->size = 1;
	m->budget--;
	return p->nnodes++;
}

int node_source(Make *m, int node, int source)
{
	Node *x = &m->p->node[node];

	x->src[x->nsrc++] = source;
	return node;
}

int parameter_add(Make *m, const char *dtype, const char *axes, bool output)
{
	Program *p = m->p;
	Parameter *a = &p->param[p->nparams];

	*a = (Parameter){.output = output, .spread = 1};
	snprintf(a->dtype, sizeof a->dtype, "%s", dtype);
	snprintf(a->axes, sizeof a->axes, "%s", axes);
	snprintf(a->name, sizeof a->name, "%c%d", output ? 'o' : 'i', p->nparams);
	return p->nparams++;
}

bool is_range(const Make *m, int sym)
{
	return m->p->sym[sym].kind == SYM_LOOP || m->p->sym[sym].kind == SYM_GRID;
}

bool in_reach(const Make *m, int sym)
{
	if (m->p->sym[sym].kind != SYM_LOOP)
		return true;
	for (int i = 0; i < m->nloops; i++)
		if (m->loops[i] == sym)
			return true;
	return false;
}

bool axes_text(const Make *m, const char *lead, int rank, const int *dim, char *out, size_t size)
{
	const Program *p = m->p;
	int n = snprintf(out, size, "%s", lead);

	for (int i = 0; i < rank; i++) {
		if (p->sym[dim[i]].kind == SYM_ONE)
			return false;
		for (int j = 0; j < i; j++)
			if (!strcmp(p->sym[dim[i]].axis, p->sym[dim[j]].axis))
				return false;
		n += snprintf(out + n, size - (size_t)n, "%s%s", n ? " " : "", p->sym[dim[i]].axis);
	}
	return n > 0;
}

/* -- leaves ------------------------------------------------------------------------------ */

int leaf_full(Make *m, int rank, const int *dim)
{
	static const double values[] = {1, 0.5, -1, 2, 0};
	int i = node_add(m, FORM_FULL, SORT_F32, rank, dim);

	m->p->node[i].number = DICE_PICK(m->d, values);
	return i;
}

/* -1: there is no argument of such a shape. */
int leaf_load(Make *m, int rank, const int *dim)
{
	static const char *const lead[] = {"B", "B H", "B (G R)", "B G", ""};
	const char *head = m->groups  ? dice_percent(m->d, 50) ? lead[3] : lead[2]
	                    : m->heads ? lead[1]
	                              : lead[0];
	Program *p = m->p;
	char axes[80];
	Parameter *a;
	bool half;
	int i;

	if (dice_percent(m->d, 12))
		head = lead[0];
	else if (rank == 2 && dice_percent(m->d, 5))
		head = lead[4];
	if (p->nparams == MAX_PARAMETERS || !axes_text(m, head, rank, dim, axes, sizeof axes))
		return -1;
	for (int k = 0; k < rank; k++)
		if (p->sym[dim[k]].kind == SYM_FEATURES && dice_percent(m->d, 80))
			return -1;
	half = dice_percent(m->d, rank != 2 ? 30 : m->linear ? 97 : 80);
	for (i = 0; i < p->nparams; i++) /* one that is there, often */
		if (!p->param[i].output && !p->param[i].scalar && !p->param[i].optional &&
		    !strcmp(p->param[i].axes, axes) && dice_percent(m->d, 60))
			break;
	if (i == p->nparams) {
		i = parameter_add(m, half ? "bf16" : dice_percent(m->d, 85) ? "f32" : "i32", axes, false);
		a = &p->param[i];
		if (!strcmp(a->dtype, "i32"))
			a->spread = 3;
		else if (dice_percent(m->d, 20))
			a->mean = 0.5, a->spread = 0.25;
	}
	a = &p->param[i];
	i = node_add(m, FORM_LOAD,
	             !strcmp(a->dtype, "bf16")  ? SORT_HALF
	             : !strcmp(a->dtype, "i32") ? SORT_I32
	                                        : SORT_F32,
	             rank, dim);
	p->node[i].parameter = (int)(a - p->param);
	p->node[i].size = fabs(a->mean) + a->spread;
	return i;
}

int leaf_scalar(Make *m)
{
	int i, a;

	if (m->p->nparams == MAX_PARAMETERS)
		return leaf_full(m, 0, NULL);
	a = parameter_add(m, dice_percent(m->d, 70) ? "f32" : "i32", "", false);
	m->p->param[a].scalar = true;
	m->p->param[a].mean = m->p->param[a].dtype[0] == 'f' ? 0.75 : 3;
	i = node_add(m, FORM_SCALAR, m->p->param[a].dtype[0] == 'f' ? SORT_F32 : SORT_I32, 0, NULL);
	m->p->node[i].parameter = a;
	return i;
}

static bool same_dims(const Node *x, int rank, const int *dim)
{
	return x->rank == rank && (rank < 1 || x->dim[0] == dim[0]) &&
	       (rank < 2 || x->dim[1] == dim[1]);
}

/* A tile that is there, late ones more often; -1: none. */
int leaf_existing(Make *m, int rank, const int *dim, bool mask)
{
	const Program *p = m->p;
	int found = -1, n = 0;

	for (int i = 0; i < p->nnodes; i++) {
		const Node *x = &p->node[i];

		if (x->form > FORM_LAST_VALUE || x->form == FORM_SEEN || (x->sort == SORT_MASK) != mask ||
		    !same_dims(x, rank, dim) || !program_visible(p, i, m->scope))
			continue;
		n++;
		if (found < 0 || dice_percent(m->d, 40) || !dice_below(m->d, n))
			found = i;
	}
	return found;
}

int leaf_get(Make *m, int rank, const int *dim)
{
	const Program *p = m->p;
	int found = -1, i;

	for (i = 0; i < p->nnodes && !(m->linear && m->nloops); i++)
		if ((p->node[i].form == FORM_VAR || p->node[i].form == FORM_STATE) &&
		    same_dims(&p->node[i], rank, dim) && program_visible(p, i, m->scope) &&
		    (found < 0 || dice_percent(m->d, 50)))
			found = i;
	if (found < 0)
		return -1;
	i = node_add(m, FORM_GET, SORT_F32, rank, dim);
	m->p->node[i].carried = found;
	m->p->node[i].size = p->node[found].size;
	return i;
}
