/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nft.h"

/* Elements of the sets and maps of the tables "bothy". Errors are errno values. */

#define ELEMENT_KEY_SIZE     64
#define ELEMENT_VALUE_SIZE   32
#define ELEMENT_COMMENT_SIZE 128 /* nft(8) shows no longer ones */

/* Which of the tables: their NFPROTO_ numbers, whose header does not go with the C library's. */
enum table {
  TABLE_INET = 1,
  TABLE_BRIDGE = 7,
};

struct element {
  enum table table;
  const char *set;
  uint8_t key[ELEMENT_KEY_SIZE];
  size_t key_size;
  uint8_t key_end[ELEMENT_KEY_SIZE]; /* of a range: the last; as long as KEY, or not there */
  bool is_range;
  uint8_t value[ELEMENT_VALUE_SIZE]; /* of a map */
  size_t value_size;
  char comment[ELEMENT_COMMENT_SIZE];
};

/* Appends SIZE bytes to the key, as the next part if there are several. */
void element_add_key (struct element *element, const void *bytes, size_t size);

/* The same to the value. */
void element_add_value (struct element *element, const void *bytes, size_t size);

/* Appends to the key the range from FIRST to LAST; all parts that follow are ranges as well. */
void element_add_range (struct element *element, const void *first, const void *last, size_t size);

/* The same with a link's name. */
void element_add_name (struct element *element, const char *name);

/* Completes ELEMENT, found by its key. ENOENT: there is none. */
int element_get (struct nft *nft, struct element *element);

/* Calls READER for each element of SET; 0 also when there is no such set. */
int element_each (struct nft *nft,
                  enum table table,
                  const char *set,
                  int (*reader) (const struct element *element, void *data),
                  void *data);

/* Changes that the kernel does all or none of. */
struct batch {
  struct nft *nft;
  char *data;
  size_t size;
  size_t capacity;
  size_t last; /* where the last message is */
  unsigned int n_changes;
  int error; /* the first one that there was while it was written */
};

enum change {
  CHANGE_ADD,    /* fine when it is there already */
  CHANGE_CREATE, /* EEXIST when it is there already */
  CHANGE_DELETE, /* ENOENT when it is not there */
};

/* For the cleanup attribute: frees what BATCH consists of. */
void batch_free (struct batch *batch);

#define AUTO_BATCH __attribute__ ((cleanup (batch_free))) struct batch

/* Makes BATCH one of no changes, by NFT, which has to last as long. */
void batch_begin (struct batch *batch, struct nft *nft);

/* Adds CHANGE of ELEMENT to BATCH. What goes wrong batch_commit() returns. */
void batch_change (struct batch *batch, enum change change, const struct element *element);

/* Adds to BATCH that SET gets empty. */
void batch_flush (struct batch *batch, enum table table, const char *set);

/* Does what BATCH has, all or nothing. Nothing to do is fine. Returns 0 or an errno value; those of CHANGE_CREATE and
   CHANGE_DELETE are above. */
int batch_commit (struct batch *batch);
