/* embed_tool.c -- host tool: writes the files named on its command line as one C file.
 * Bytes rather than string literals, whose length ISO C limits.
 */
#include <stdio.h>
#include <stdlib.h>

static size_t embed(const char *path, int i)
{
	FILE *f = fopen(path, "rb");
	size_t n = 0;
	int c;

	if (!f) {
		perror(path);
		exit(1);
	}
	printf("static const char file%d[] = {", i);
	while ((c = getc(f)) != EOF)
		printf("%s%d,", n++ % 20 ? "" : "\n", c < 128 ? c : c - 256);
	printf("0};\n");
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	size_t *size = calloc((size_t)argc, sizeof *size);
	int i;

	if (!size)
		return 1;
	printf("#include \"runtime/embed.h\"\n");
	for (i = 1; i < argc; i++)
		size[i] = embed(argv[i], i);
	printf("const EmbeddedFile embedded_files[] = {\n");
	for (i = 1; i < argc; i++)
		printf("\t{\"%s\", file%d, %zu},\n", argv[i], i, size[i]);
	printf("\t{NULL, NULL, 0}\n};\n");
	free(size);
	return 0;
}
