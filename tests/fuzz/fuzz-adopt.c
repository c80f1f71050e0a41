/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads a configuration of LXC's, systemd-nspawn's or Incus': bothy-unpack's part of it, and what bothyd makes of that. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "configuration.h"
#include "core/adopt/keys.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Each line has a key and a value, neither of which can pass for another line. */
static void
check_lines (const char *lines, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (((unsigned char)lines[i] < 0x20 && lines[i] != '\n') || lines[i] == 0x7f)
      abort ();
  if (size > 0 && lines[size - 1] != '\n')
    abort ();
}

static void
check_plan (const BothyAdoptPlan *plan)
{
  g_autoptr (GVariant) shown = g_variant_ref_sink (bothy_adopt_plan_to_variant (plan));

  for (guint i = 0; i < plan->lines->len; i++) {
    const BothyAdoptLine *line = plan->lines->pdata[i];

    if (!line->text || !g_utf8_validate (line->text, -1, NULL))
      abort ();
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const BothyAdoptKind kinds[] = { BOTHY_ADOPT_LXC, BOTHY_ADOPT_NSPAWN, BOTHY_ADOPT_INCUS,
                                          BOTHY_ADOPT_INCUS };
  static char lines[CONFIGURATION_MAX_TEXT];
  struct job job = JOB_INIT;
  g_autofree char *text = NULL;
  size_t length;

  if (size < 1 || size > CONFIGURATION_MAX_SIZE)
    return 0;
  job.request.flags = (data[0] & 1) != 0 ? UNPACK_HAS_SECTIONS : 0;
  length = (data[0] & 2) != 0 ? backup_parse (&job, (const char *)data + 1, size - 1, lines)
                              : configuration_parse (&job, (const char *)data + 1, size - 1, lines);
  check_lines (lines, length);
  text = g_utf8_make_valid (lines, (gssize)length);
  {
    g_autoptr (BothyAdoptPlan) plan =
        bothy_adopt_read_configuration (kinds[data[0] & 3], "fuzzed", text, NULL);

    if (plan)
      check_plan (plan);
  }
  return 0;
}
