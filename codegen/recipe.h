/* recipe.h -- the launch recipe, as comments. */
#ifndef AZ_RECIPE_H
#define AZ_RECIPE_H

#include "compile.h"

void recipe_print(const Module *m, Text *t);

#endif
