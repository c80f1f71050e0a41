/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/health/health.h"

#include "base/error.h"

#include <string.h>

#define GROUP "Health"

#define PRESET_TIME     (30 * (guint64)G_USEC_PER_SEC)
#define PRESET_RETRIES  3
#define MAX_WORDS       256
#define MAX_EACH_SECOND 20 /* of all of one user */
#define MAX_BYTES       (64 * 1024)

static const char *const states[] = { "", "starting", "healthy", "unhealthy" };
static const char *const deeds[] = { "none", "restart", "stop", "kill" };

/* The numbers, as the bus and records call them, and how small they may be. */
static const struct {
  const char *name, *key;
  gsize offset;
  guint64 min, max, preset;
} numbers[] = {
  { "interval", "Interval", G_STRUCT_OFFSET (BothyHealthCheck, interval), BOTHY_HEALTH_MIN_TIME,
    BOTHY_HEALTH_MAX_TIME, PRESET_TIME },
  { "timeout", "Timeout", G_STRUCT_OFFSET (BothyHealthCheck, timeout), BOTHY_HEALTH_MIN_TIME,
    BOTHY_HEALTH_MAX_TIME, PRESET_TIME },
  { "start-period", "StartPeriod", G_STRUCT_OFFSET (BothyHealthCheck, start_period), 0, BOTHY_HEALTH_MAX_TIME,
    0 },
  { "start-interval", "StartInterval", G_STRUCT_OFFSET (BothyHealthCheck, start_interval),
    BOTHY_HEALTH_MIN_TIME, BOTHY_HEALTH_MAX_TIME, 0 },
  { "retries", "Retries", G_STRUCT_OFFSET (BothyHealthCheck, retries), 1, BOTHY_HEALTH_MAX_RETRIES,
    PRESET_RETRIES },
};

#define NUMBER(self, i) G_STRUCT_MEMBER (guint64, self, numbers[i].offset)

void
bothy_health_check_clear (BothyHealthCheck *self)
{
  g_strfreev (self->test);
  *self = (BothyHealthCheck){ 0 };
}

void
bothy_health_check_copy (BothyHealthCheck *self, const BothyHealthCheck *other)
{
  *self = *other;
  self->test = g_strdupv (other->test);
}

static gboolean
says_what (const BothyHealthCheck *self)
{
  return self->test && self->test[0];
}

/* Of a test's words, in all: a record has to hold them, and a message to a supervisor. */
static gsize
count_bytes (char **words)
{
  gsize bytes = 0;

  for (; words && *words; words++)
    bytes += strlen (*words) + 1;
  return bytes;
}

static gboolean
check_test (const BothyHealthCheck *self, GError **error)
{
  guint n = says_what (self) ? g_strv_length (self->test) : 0;

  if (count_bytes (self->test) <= MAX_BYTES &&
      (n == 0 || (n == 1 && g_str_equal (self->test[0], "NONE")) ||
       (n == 2 && g_str_equal (self->test[0], "CMD-SHELL") && *self->test[1]) ||
       (n > 1 && n <= MAX_WORDS && g_str_equal (self->test[0], "CMD") && *self->test[1])))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"health\": the test is \"NONE\", \"CMD-SHELL\" and a command, or \"CMD\" and the "
               "words of one, "
               "up to %d in all",
               MAX_WORDS);
  return FALSE;
}

void
bothy_health_check_complete (BothyHealthCheck *self, const BothyHealthCheck *image)
{
  /* An image may say anything; what nobody could ask for is left out. */
  if (!says_what (self) && says_what (image) && check_test (image, NULL)) {
    g_strfreev (self->test);
    self->test = g_strdupv (image->test);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint64 said = NUMBER (self, i) ? NUMBER (self, i) : NUMBER (image, i);

    NUMBER (self, i) = said ? CLAMP (said, numbers[i].min, numbers[i].max) : numbers[i].preset;
  }
}

gboolean
bothy_health_check_is_on (const BothyHealthCheck *self)
{
  return says_what (self) && self->test[1] &&
         (g_str_equal (self->test[0], "CMD") || g_str_equal (self->test[0], "CMD-SHELL"));
}

char **
bothy_health_check_get_command (const BothyHealthCheck *self)
{
  if (!bothy_health_check_is_on (self))
    return NULL;
  if (g_str_equal (self->test[0], "CMD"))
    return g_strdupv (self->test + 1);
  return g_strdupv ((char *[]){ (char *)"/bin/sh", (char *)"-c", self->test[1], NULL });
}

gboolean
bothy_health_check_validate (const BothyHealthCheck *self, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint64 number = NUMBER (self, i);

    if (number == 0 || (number >= numbers[i].min && number <= numbers[i].max))
      continue;
    if (numbers[i].max == BOTHY_HEALTH_MAX_RETRIES)
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"health\": \"retries\" is 1 to %d",
                   BOTHY_HEALTH_MAX_RETRIES);
    else
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                   "Option \"health\": \"%s\" is from %d to %d seconds", numbers[i].name,
                   (int)(numbers[i].min / G_USEC_PER_SEC), (int)(numbers[i].max / G_USEC_PER_SEC));
    return FALSE;
  }
  return check_test (self, error);
}

gboolean
bothy_unhealthy_parse (const char *text, BothyUnhealthy *ret_deed, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (deeds); i++) {
    if (g_str_equal (text, deeds[i])) {
      *ret_deed = (BothyUnhealthy)i;
      return TRUE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"health\": \"on-failure\" is \"none\", \"restart\", \"stop\" or \"kill\"");
  return FALSE;
}

/* ---- in the record ---- */

void
bothy_health_check_to_record (const BothyHealthCheck *self, GKeyFile *record)
{
  if (!bothy_health_check_is_on (self))
    return;
  g_key_file_set_string_list (record, GROUP, "Test", (const char *const *)self->test,
                              g_strv_length (self->test));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_key_file_set_uint64 (record, GROUP, numbers[i].key, NUMBER (self, i));
  g_key_file_set_string (record, GROUP, "OnFailure", deeds[self->on_failure]);
}

void
bothy_health_check_from_record (BothyHealthCheck *self, GKeyFile *record)
{
  static const BothyHealthCheck nothing;
  g_autofree char *deed = g_key_file_get_string (record, GROUP, "OnFailure", NULL);

  if (!g_key_file_has_group (record, GROUP))
    return;
  self->test = g_key_file_get_string_list (record, GROUP, "Test", NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    NUMBER (self, i) = g_key_file_get_uint64 (record, GROUP, numbers[i].key, NULL);
  if (bothy_health_check_is_on (self) && bothy_health_check_validate (self, NULL) && deed &&
      bothy_unhealthy_parse (deed, &self->on_failure, NULL))
    bothy_health_check_complete (self, &nothing);
  else
    bothy_health_check_clear (self);
}

/* ---- how it is shown ---- */

GVariant *
bothy_health_check_to_variant (const BothyHealthCheck *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (!bothy_health_check_is_on (self))
    return g_variant_builder_end (&builder);
  g_variant_builder_add (&builder, "{sv}", "test", g_variant_new_strv ((const char *const *)self->test, -1));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_variant_builder_add (&builder, "{sv}", numbers[i].name, g_variant_new_uint64 (NUMBER (self, i)));
  g_variant_builder_add (&builder, "{sv}", "on-failure", g_variant_new_string (deeds[self->on_failure]));
  return g_variant_builder_end (&builder);
}

guint64
bothy_health_get_pause (guint64 interval, guint n)
{
  return MAX (interval, n * (guint64)G_USEC_PER_SEC / MAX_EACH_SECOND);
}

const char *
bothy_health_state_name (BothyHealthState state)
{
  g_return_val_if_fail (state < G_N_ELEMENTS (states), "");
  return states[state];
}

BothyHealthState
bothy_health_state_from_name (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++) {
    if (g_str_equal (states[i], name))
      return (BothyHealthState)i;
  }
  return BOTHY_HEALTH_UNKNOWN;
}
