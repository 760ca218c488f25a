/*
 * A main for fuzz targets where there is no libFuzzer: replays the files that are named, then mutations of them, the same ones each time.
 *
 *     fuzz-NAME [-runs=N] [-seed=N] [FILE-OR-FOLDER...]
 *
 * Where it dies, stderr has the last thousand's round; "-runs" up to there and a debugger find the input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { SIZE_MAX_INPUT = 16384, SEEDS_MAX = 1000, EDITS_MAX = 12 };

typedef struct
{
  uint8_t *data;
  size_t size;
} Input;

typedef struct
{
  Input seeds[SEEDS_MAX];
  size_t n_seeds;
  uint64_t random;
  uint8_t *buffer;
} Fuzzer;

/* splitmix64 of Sebastiano Vigna, in the public domain. */
static uint64_t
next_random (Fuzzer *fuzzer)
{
  uint64_t z = (fuzzer->random += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static size_t
below (Fuzzer *fuzzer, size_t limit)
{
  return limit == 0 ? 0 : (size_t) (next_random (fuzzer) % limit);
}

static void
add_file (Fuzzer *fuzzer, const char *path)
{
  FILE *file = fopen (path, "rbe");
  Input *seed = &fuzzer->seeds[fuzzer->n_seeds];

  if (file == NULL)
    {
      perror (path);
      exit (2);
    }
  if (fuzzer->n_seeds < SEEDS_MAX && (seed->data = malloc (SIZE_MAX_INPUT)) != NULL)
    {
      seed->size = fread (seed->data, 1, SIZE_MAX_INPUT, file);
      fuzzer->n_seeds++;
    }
  fclose (file);
}

static int
compare_names (const struct dirent **a, const struct dirent **b)
{
  return strcmp ((*a)->d_name, (*b)->d_name);
}

/* Names are sorted: the rounds must be the same everywhere. */
static void
add_path (Fuzzer *fuzzer, const char *path)
{
  struct dirent **names = NULL;
  struct stat status;
  int n;

  if (stat (path, &status) != 0 || !S_ISDIR (status.st_mode))
    {
      add_file (fuzzer, path);
      return;
    }
  n = scandir (path, &names, NULL, compare_names);
  for (int i = 0; i < n; i++)
    {
      char full[4096];

      if (names[i]->d_name[0] != '.' && snprintf (full, sizeof full, "%s/%s", path, names[i]->d_name) < (int) sizeof full)
        add_file (fuzzer, full);
      free (names[i]);
    }
  free (names);
}

/* Inserts or takes out a stretch. Returns the new size. */
static size_t
resize (Fuzzer *fuzzer, size_t size)
{
  uint8_t *data = fuzzer->buffer;
  size_t at = below (fuzzer, size + 1);
  size_t length = 1 + below (fuzzer, below (fuzzer, 8) == 0 ? 300 : 8);

  if (below (fuzzer, 2) == 0)
    {
      length = length < size - at ? length : size - at;
      memmove (data + at, data + at + length, size - at - length);
      return size - length;
    }
  length = length < SIZE_MAX_INPUT - size ? length : SIZE_MAX_INPUT - size;
  memmove (data + at + length, data + at, size - at);
  for (size_t i = 0; i < length; i++)
    data[at + i] = (uint8_t) next_random (fuzzer);
  return size + length;
}

/* Puts a part of another seed, or of this one, at some place. */
static void
splice (Fuzzer *fuzzer, size_t size)
{
  const Input *other = &fuzzer->seeds[below (fuzzer, fuzzer->n_seeds)];
  size_t at = below (fuzzer, size);
  size_t from = below (fuzzer, other->size);
  size_t length = below (fuzzer, 64);

  length = length < size - at ? length : size - at;
  length = length < other->size - from ? length : other->size - from;
  memcpy (fuzzer->buffer + at, other->data + from, length);
}

static size_t
edit (Fuzzer *fuzzer, size_t size)
{
  static const uint8_t edges[] = { 0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0xfe, '"', '{', '[', ':', '\n', ' ', '-' };
  size_t at = below (fuzzer, size);

  switch (below (fuzzer, 6))
    {
    case 0:
      return resize (fuzzer, size);
    case 1:
      if (size > 0 && fuzzer->n_seeds > 0)
        splice (fuzzer, size);
      return size;
    case 2:
      if (size > 0)
        fuzzer->buffer[at] = edges[below (fuzzer, sizeof edges)];
      return size;
    case 3:
      if (size > 0)
        fuzzer->buffer[at] = (uint8_t) next_random (fuzzer);
      return size;
    case 4:
      if (size > 0)
        fuzzer->buffer[at] ^= (uint8_t) (1u << below (fuzzer, 8));
      return size;
    default:
      if (size > 0)
        fuzzer->buffer[at] = (uint8_t) (fuzzer->buffer[at] + (int) below (fuzzer, 9) - 4);
      return size;
    }
}

static size_t
make_input (Fuzzer *fuzzer)
{
  size_t size;

  if (fuzzer->n_seeds == 0 || below (fuzzer, 20) == 0)
    {
      size = below (fuzzer, below (fuzzer, 4) == 0 ? 4096 : 200);
      for (size_t i = 0; i < size; i++)
        fuzzer->buffer[i] = (uint8_t) next_random (fuzzer);
      return size;
    }
  const Input *seed = &fuzzer->seeds[below (fuzzer, fuzzer->n_seeds)];

  size = seed->size;
  memcpy (fuzzer->buffer, seed->data, size);
  for (size_t n = 1 + below (fuzzer, EDITS_MAX); n > 0; n--)
    size = edit (fuzzer, size);
  return size;
}

/* The target sees a copy of exactly its size, so that reading beyond it is found. */
static void
run (const uint8_t *data, size_t size)
{
  uint8_t *copy = malloc (size == 0 ? 1 : size);

  if (copy == NULL)
    abort ();
  memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
}

int
main (int argc, char **argv)
{
  Fuzzer *fuzzer = calloc (1, sizeof *fuzzer);
  unsigned long runs = 1000;

  if (fuzzer == NULL || (fuzzer->buffer = malloc (SIZE_MAX_INPUT)) == NULL)
    return 2;
  for (int i = 1; i < argc; i++)
    if (strncmp (argv[i], "-runs=", 6) == 0)
      runs = strtoul (argv[i] + 6, NULL, 10);
    else if (strncmp (argv[i], "-seed=", 6) == 0)
      fuzzer->random = strtoull (argv[i] + 6, NULL, 10);
    else
      add_path (fuzzer, argv[i]);
  for (size_t i = 0; i < fuzzer->n_seeds; i++)
    run (fuzzer->seeds[i].data, fuzzer->seeds[i].size);
  for (unsigned long i = 0; i < runs; i++)
    {
      size_t size = make_input (fuzzer);

      /* Whoever looks into a crash finds the round here. */
      if (i % 1000 == 0)
        fprintf (stderr, "%s: round %lu\n", argv[0], i);
      run (fuzzer->buffer, size);
    }
  printf ("%s: %zu files and %lu mutations\n", argv[0], fuzzer->n_seeds, runs);
  for (size_t i = 0; i < fuzzer->n_seeds; i++)
    free (fuzzer->seeds[i].data);
  free (fuzzer->buffer);
  free (fuzzer);
  return 0;
}
