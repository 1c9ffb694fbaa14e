# make          build/azulejo and build/libazulejo.so
# make demo     the tour; make check: everything that needs no GPU
CFLAGS ?= -O2 -g
WARN    = -std=c11 -Wall -Wextra -Wpedantic -Werror
LUAINC ?= -I/usr/include/lua5.4
LIBDIR ?= /usr/lib/$(shell $(CC) -dumpmachine)
STATIC  = $(LIBDIR)/liblua5.4.a $(LIBDIR)/libyaml.a -ldl -lm -lpthread
SHARED  = -llua5.4 -lyaml -ldl -lm -lpthread

CORE := $(filter-out runtime/main.c runtime/embed_tool.c,$(wildcard codegen/*.c runtime/*.c))
OBJ  := $(CORE:%.c=build/%.o) build/embedded.o
DATA := $(sort $(wildcard dsl/*.lua templates/*.cu specs/*.lua specs/gpus/*.yaml \
                          generated/tuned/*.yaml))
UNIT := $(patsubst tests/unit/%.c,build/tests/%,$(wildcard tests/unit/*_test.c))

GENSPECS = $(patsubst specs/%.lua,%,$(wildcard specs/*.lua))
GENGPUS  = a100 h100

all: build/azulejo build/libazulejo.so

build/azulejo: build/runtime/main.o $(OBJ)
	$(CC) -no-pie -o $@ $^ $(STATIC)

build/libazulejo.so: $(OBJ) runtime/libazulejo.map
	$(CC) -shared -Wl,-rpath,'$$ORIGIN' -Wl,--version-script=runtime/libazulejo.map \
		-o $@ $(OBJ) $(SHARED)

# The shared libraries that libazulejo.so needs, beside it, for a machine that has neither.
travel: build/libazulejo.so
	ldd $< | awk '/liblua5|libyaml/ && index($$3, "$(CURDIR)") != 1 { print $$3 }' | xargs -r cp -Lt build/

build/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -fPIC -MMD -MP $(LUAINC) -c -o $@ $<

build/embedded.o: build/embedded.c
	$(CC) -std=c11 -I. -fPIC -c -o $@ $<

build/embedded.c: build/embed_tool $(DATA)
	build/embed_tool $(DATA) >$@.new && mv $@.new $@

build/embed_tool: runtime/embed_tool.c
	@mkdir -p build
	$(CC) $(CFLAGS) $(WARN) -o $@ $<

build/tests/%: tests/unit/%.c $(OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -MMD -MP $(LUAINC) -no-pie -o $@ $< $(OBJ) $(STATIC)

# A driver that runs nothing, found before the machine's own.
build/tests/fake/libcuda.so.1: tests/unit/fake_cuda.c tests/unit/fake_cuda.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -shared -fPIC -o $@ $<

build/tests/launch_test: build/tests/fake/libcuda.so.1
build/tests/launch_test: STATIC += -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/fake'

MUTATE := $(patsubst %.c,build/%.o,$(wildcard tests/mutate/*.c))
FUZZ   := $(patsubst %.c,build/%.o,$(wildcard tests/fuzz/*.c))

build/azmutate: $(MUTATE) $(OBJ)
	$(CC) -no-pie -o $@ $^ $(STATIC)

build/fuzz: $(FUZZ) $(OBJ)
	$(CC) -no-pie -o $@ $^ $(STATIC)

units: $(UNIT) build/azmutate build/fuzz

# Debian and Ubuntu; only what is missing is installed.
NEED = liblua5.4-dev lua5.4 libyaml-dev
setup:
	@miss=; for p in $(NEED); do dpkg -s $$p >/dev/null 2>&1 || miss="$$miss $$p"; done; \
	command -v $(CC) >/dev/null || miss="$$miss gcc libc6-dev"; \
	test -z "$$miss" && exit 0; \
	command -v apt-get >/dev/null || { echo "please install:$$miss" >&2; exit 1; }; root=; test "$$(id -u)" = 0 || root=sudo; \
	$$root apt-get update -qq && $$root apt-get install -y -qq $$miss >/dev/null

demo: setup
	@$(MAKE) -s all
	@tests/demo

check: setup
	@$(MAKE) -s all units
	@tests/run

# generated/: byte for byte what the specs become.
generated: all
	@for s in $(GENSPECS); do for g in $(GENGPUS); do \
		build/azulejo emit $$s --gpu $$g -o generated/ || exit; done; done

# The tuning records of GPUs that are not at hand, by the model.
tuned: all
	@grep -v '^#' tests/bench/cases | while read -r c; do for g in $(GENGPUS); do \
		build/azulejo tune $$c --gpu $$g || exit; done; done

golden: all
	@tests/run -u golden

mutate fuzz bench: all units
	@tests/run $@

wc:
	@wc -l dsl/*.lua codegen/*.[ch] templates/*.cu runtime/*.[ch] specs/*.lua | sort -n

80:
	@for f in Makefile tests/run */*.[ch] */*.lua tests/unit/*.[ch]; do \
		expand -t4 $$f | awk -v f=$$f 'length > 100 { print f ":" FNR ": " length }'; done

clean:
	rm -rf build

.PHONY: all units travel setup demo check generated tuned golden mutate fuzz bench wc 80 clean
.DELETE_ON_ERROR:
-include $(OBJ:.o=.d) $(MUTATE:.o=.d) $(FUZZ:.o=.d) build/runtime/main.d $(UNIT:=.d)
