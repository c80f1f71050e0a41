/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* JSON as strangers send it: bounded in depth, and each member of the type that is wanted or not there. */

/* NULL: it is no object, or nested too deeply. */
JsonParser *json_open (const char *text, gsize size);

/* The object that it is. (transfer none) */
JsonObject *json_root (JsonParser *parser);

/* The member NAME of OBJECT, which may be NULL; NULL: it has none of this type. (transfer none) */
JsonObject *json_get_object (JsonObject *object, const char *name);

/* The same of an array. (transfer none) */
JsonArray *json_get_array (JsonObject *object, const char *name);

/* "" if there is none, or one of more than MAX bytes. */
const char *json_get_text (JsonObject *object, const char *name, gsize max);

/* -1 if there is none. */
gint64 json_get_number (JsonObject *object, const char *name);

/* Of ARRAY: NULL if it is something else. */
JsonObject *json_object_at (JsonArray *array, guint index);

/* The same of a text. (transfer none) */
const char *json_text_at (JsonArray *array, guint index);
