/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <curl/curl.h>

#include "address.h"
#include "body.h"
#include "channel.h"
#include "url.h"

#define MAX_ERROR_PAGE (64 * 1024)

/* One question to one server, and what it answers. */
typedef struct {
  Channel *channel;
  CURL *curl;
  UrlOrigin home;   /* the remote */
  Reach home_reach; /* once it was connected to */
  gboolean proxied;
  const char *accept; /* a header, or NULL */
  char *known_tag;    /* ETag of what is there already, or NULL */
  char *token;        /* that goes to the remote itself and nowhere else */
  char *login;        /* as Basic has it, which goes to: */
  UrlOrigin login_home;

  /* Of the one under way. */
  gboolean leaves_home; /* it goes to another host than the remote's */
  gboolean shows_login;
  gsize error_page;      /* bytes of one that nobody reads */
  GString *challenge;    /* what 401 wants */
  char *digest;          /* that the registry says the answer has */
  char *tag;             /* its ETag, or NULL */
  gint64 max_age;        /* seconds for which it holds */
  gboolean is_unchanged; /* it is what known_tag is of */
  Body body;
  GError *refused;
} Request;

/* To the remote of CHANNEL's request; CHANNEL stays the caller's. FALSE with FETCH_REFUSED or FETCH_FAILED. */
gboolean request_init (Request *self, Channel *channel, GError **error);

/* Free what it has; it can not be used any more. */
void request_clear (Request *self);

/* From now on LOGIN is shown to ORIGIN, and to no other: over https, or on this machine. */
gboolean request_show_login (Request *self, const char *login, const UrlOrigin *origin, GError **error);

/* Asks for URL, which is on TO. RET_NEXT: where the server sends us on to, else what it sends is in the body.
 */
gboolean request_ask (Request *self, const char *url, const UrlOrigin *to, char **ret_next, GError **error);
