/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads catalogues of servers; the first byte says which of its readers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "url.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What was understood is of a shape that can be used. */
static void
look (GPtrArray *entries)
{
  for (guint i = 0; entries && i < entries->len; i++) {
    const CatalogueEntry *entry = entries->pdata[i];

    if (!entry->fields[FETCH_FIELD_PRODUCT] || !entry->fields[FETCH_FIELD_ARCHITECTURE])
      abort ();
    if (!entry->problem && !url_check_path (entry->fields[FETCH_FIELD_URL]))
      abort ();
    catalogue_matches (entry, "debian/*", "");
    catalogue_matches (entry, "a", "x86_64");
  }
  if (entries) {
    catalogue_find (entries, "debian/13", "x86_64", NULL);
    catalogue_find (entries, "debian/13/amd64", "x86_64", NULL);
    g_ptr_array_unref (entries);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = NULL;

  if (size == 0)
    return 0;
  /* Of its exact size, so that reading beyond it is seen. */
  text = g_memdup2 (data, size);
  switch (data[0] % 4) {
  case 0:
    look (catalogue_parse_products (text + 1, size - 1, NULL));
    break;
  case 1:
    g_strfreev (catalogue_parse_index (text + 1, size - 1, NULL));
    break;
  case 2:
    look (catalogue_parse_lxc (text + 1, size - 1, NULL));
    break;
  default:
    g_free (catalogue_find_digest (text + 1, size - 1, "rootfs.tar.xz"));
    break;
  }
  return 0;
}
