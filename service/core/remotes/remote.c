/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/remote.h"

#include "base/error.h"
#include "base/validate.h"
#include "core/images/reference.h"

#include <string.h>

#define DEFAULT_TIMEOUT 30
#define MAX_KEY         (128 * 1024) /* a call of 256 KiB does not get here */

static const char *const protocols[] = {
  [FETCH_SIMPLESTREAMS] = "simplestreams", [FETCH_LXC] = "lxc", [FETCH_OCI] = "oci"
};
static const char *const policies[] = {
  [FETCH_POLICY_SIGNATURE] = "signature", [FETCH_POLICY_CHECKSUM] = "checksum", [FETCH_POLICY_TLS] = "tls"
};

void
bothy_remote_free (BothyRemote *self)
{
  g_free (self->name);
  g_free (self->url);
  g_free (self->key);
  g_free (self->proxy);
  g_free (self->origin);
  g_free (self);
}

BothyRemote *
bothy_remote_copy (const BothyRemote *self)
{
  BothyRemote *copy = g_memdup2 (self, sizeof *self);

  copy->name = g_strdup (self->name);
  copy->url = g_strdup (self->url);
  copy->key = g_strdup (self->key);
  copy->proxy = g_strdup (self->proxy);
  copy->origin = g_strdup (self->origin);
  return copy;
}

const char *
bothy_remote_protocol_name (enum fetch_catalogue protocol)
{
  return protocols[protocol];
}

const char *
bothy_remote_policy_name (enum fetch_policy policy)
{
  return policies[policy];
}

void
bothy_remote_prefix_error (const BothyRemote *self, GError **error)
{
  if (g_error_matches (*error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED))
    return;
  bothy_error_set_detail (*error, "remote", self->name);
  g_prefix_error (error, "Remote \"%s\": ", self->name);
}

static guint
find_word (const char *const *words, gsize n, const char *word)
{
  for (guint i = 1; i < n; i++) {
    if (g_strcmp0 (words[i], word) == 0)
      return i;
  }
  return 0;
}

static gboolean
refuse_value (GError **error, const char *what, const char *text, const char *wanted)
{
  g_autofree char *cut = g_strndup (text, 100);
  g_autofree char *shown = g_strescape (cut, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s \"%s\" is not valid: %s", what, shown,
               wanted);
  return FALSE;
}

/* bothy-fetch looks closer; this is what no record and no dialog may have. */
static gboolean
check_url (const char *url, const char *what, GError **error)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~:[]%-";

  if ((g_str_has_prefix (url, "https://") || g_str_has_prefix (url, "http://")) && strlen (url) < 512 &&
      strspn (url, allowed) == strlen (url) && !strstr (url, ".."))
    return TRUE;
  return refuse_value (error, what, url, "http:// or https://, a host, and a path if need be are wanted");
}

/* Whether plain http may be, as bothy-fetch sees it. */
static gboolean
check_transport (const BothyRemote *self, GError **error)
{
  static const char *const loopback[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

  if (g_str_has_prefix (self->url, "https://") || self->policy == FETCH_POLICY_SIGNATURE)
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (loopback) && self->policy == FETCH_POLICY_CHECKSUM; i++) {
    gsize length = strlen (loopback[i]);

    if (g_str_has_prefix (self->url, loopback[i]) && strchr (":/", self->url[length]))
      return TRUE;
  }
  return refuse_value (error, "URL", self->url, "without a signature only https:// can be trusted");
}

static gboolean
take_words (BothyRemote *self, const char *protocol, const char *policy, gboolean has_key, GError **error)
{
  const char *preset = has_key ? "signature" : "checksum";

  self->protocol = find_word (protocols, G_N_ELEMENTS (protocols), protocol ? protocol : "simplestreams");
  if (!self->protocol)
    return refuse_value (error, "Protocol", protocol, "simplestreams, lxc or oci is wanted");
  self->policy = find_word (policies, G_N_ELEMENTS (policies),
                            policy && !g_str_equal (policy, "auto") ? policy : preset);
  if (!self->policy)
    return refuse_value (error, "Policy", policy, "signature, checksum, tls or auto is wanted");
  if (self->protocol == FETCH_OCI && (has_key || self->policy == FETCH_POLICY_SIGNATURE))
    return refuse_value (error, "Policy", "signature",
                         "what registries have is not signed with keys of OpenPGP");
  if (self->policy == FETCH_POLICY_SIGNATURE && !has_key)
    return refuse_value (error, "Policy", "signature", "it needs a key");
  return TRUE;
}

/* A registry in a file may be called by its host. */
static gboolean
check_own_name (const BothyRemote *self, GError **error)
{
  return (self->protocol == FETCH_OCI && bothy_reference_is_registry (self->name)) ||
         bothy_validate_remote (self->name, error);
}

BothyRemote *
bothy_remote_parse (const char *name,
                    const char *url,
                    const char *protocol,
                    const char *policy,
                    const char *proxy,
                    guint timeout,
                    GBytes *key,
                    GError **error)
{
  g_autoptr (BothyRemote) self = g_new0 (BothyRemote, 1);

  self->name = g_strdup (name);
  self->url = g_strdup (url);
  self->key = g_strdup (key ? name : "");
  self->proxy = g_strdup (proxy ? proxy : "");
  self->origin = g_strdup (BOTHY_REMOTE_RECORD);
  self->timeout = timeout ? timeout : DEFAULT_TIMEOUT;
  self->enabled = TRUE;
  if (!take_words (self, protocol, policy, key != NULL, error) || !check_own_name (self, error) ||
      !check_url (url, "URL", error) || (*self->proxy && !check_url (proxy, "Proxy", error)) ||
      !check_transport (self, error))
    return NULL;
  if (key && (g_bytes_get_size (key) == 0 || g_bytes_get_size (key) > MAX_KEY)) {
    refuse_value (error, "Key", name, "1 to 131072 bytes are wanted");
    return NULL;
  }
  if (self->timeout > 3600) {
    refuse_value (error, "Timeout", "", "1 to 3600 seconds are wanted");
    return NULL;
  }
  return g_steal_pointer (&self);
}
