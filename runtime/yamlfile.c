/* yamlfile.c -- a YAML text as a tree, through libyaml's document loader. */
#include "yamlfile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 16 };

static Yaml *convert(Diag *d, Arena *a, yaml_document_t *doc, int id, const char *shown, int depth)
{
	yaml_node_t *n = yaml_document_get_node(doc, id);
	Yaml *y = ARENA_NEW(a, Yaml), **tail = &y->first;
	yaml_node_pair_t *p;
	yaml_node_item_t *i;

	y->loc = (Loc){shown, (int)n->start_mark.line + 1};
	if (depth > MAX_DEPTH)
		diag_fail(d, y->loc, "nested too deeply");
	switch (n->type) {
	case YAML_SCALAR_NODE:
		y->value = arena_strdup(a, (const char *)n->data.scalar.value);
		break;
	case YAML_MAPPING_NODE:
		y->map = true;
		for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
			yaml_node_t *k = yaml_document_get_node(doc, p->key);
			*tail = convert(d, a, doc, p->value, shown, depth + 1);
			if (k->type != YAML_SCALAR_NODE)
				diag_fail(d, y->loc, "a key must be a plain word");
			(*tail)->key = arena_strdup(a, (const char *)k->data.scalar.value);
			(*tail)->loc.line = (int)k->start_mark.line + 1;
			tail = &(*tail)->next;
		}
		break;
	case YAML_SEQUENCE_NODE:
		for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
			*tail = convert(d, a, doc, *i, shown, depth + 1);
			tail = &(*tail)->next;
		}
		break;
	default:
		break;
	}
	return y;
}

Yaml *yaml_read(Diag *d, Arena *a, const char *text, const char *shown)
{
	yaml_parser_t p;
	yaml_document_t doc;
	Diag inner;
	Yaml *volatile y = NULL;
	Loc at = {shown, 0};

	if (!yaml_parser_initialize(&p))
		diag_env(d, "%s: out of memory", shown);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, strlen(text));
	if (!yaml_parser_load(&p, &doc)) {
		const char *why = p.problem ? arena_strdup(a, p.problem) : "not YAML";
		at.line = (int)p.problem_mark.line + 1;
		yaml_parser_delete(&p);
		diag_fail(d, at, "%s", why);
	}
	memset(&inner, 0, sizeof inner);
	if (!DIAG_TRY(&inner)) {
		if (yaml_document_get_root_node(&doc))
			y = convert(&inner, a, &doc, 1, shown, 0);
		else
			y = ARENA_NEW(a, Yaml);
	}
	yaml_document_delete(&doc);
	yaml_parser_delete(&p);
	if (!y)
		diag_fail(d, (Loc){0}, "%s", inner.text);
	return y;
}

const Yaml *yaml_get(const Yaml *y, const char *key)
{
	const Yaml *c;

	for (c = y->first; c; c = c->next)
		if (c->key && !strcmp(c->key, key))
			return c;
	return NULL;
}

double yaml_number(Diag *d, const Yaml *y)
{
	char *end;
	double v;

	if (!y->value)
		diag_fail(d, y->loc, "%s: expected a number", y->key ? y->key : "item");
	v = strtod(y->value, &end);
	if (*end || end == y->value || !isfinite(v))
		diag_fail(d, y->loc, "%s: not a number: '%s'", y->key ? y->key : "item", y->value);
	return v;
}
