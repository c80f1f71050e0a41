/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Nics in network namespaces that users made themselves. FDS stay the caller's. */

typedef struct {
  char *mac;
  char **addresses; /* with prefix lengths */
} BothyByhandNic;

void bothy_byhand_nic_free (BothyByhandNic *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyByhandNic, bothy_byhand_nic_free)

/* Give USER's namespace NETNS_FD a nic called INSIDE on BRIDGE. ALLOWED: an administrator said yes;
   CONFIGURE: it is set up, with its addresses where there are any. NOT_YOURS: the namespace is not his. */
void bothy_byhand_attach_nic (BothyRegistry *registry,
                              guint32 user,
                              const char *bridge,
                              int netns_fd,
                              const char *inside,
                              gboolean allowed,
                              gboolean configure,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
BothyByhandNic *
bothy_byhand_attach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

/* Take away USER's nic on BRIDGE that is called INSIDE in NETNS_FD now. NOT_YOURS: it is none of his. */
void bothy_byhand_detach_nic (BothyRegistry *registry,
                              guint32 user,
                              const char *bridge,
                              int netns_fd,
                              const char *inside,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean bothy_byhand_detach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

/* What the name of an interface in a namespace may be. */
gboolean bothy_byhand_check_interface (const char *name, GError **error);

typedef enum {
  BOTHY_BYHAND_STARTED,   /* a broker has: all are looked after, and what is left of others goes */
  BOTHY_BYHAND_BRIDGE_UP, /* BRIDGE is, maybe without its ports */
  BOTHY_BYHAND_LOST,      /* bothy-net was: all are looked after */
  BOTHY_BYHAND_GONE,      /* some may have, with their namespaces */
} BothyByhandSurvey;

/* Look at what the kernel has. */
void bothy_byhand_survey_nics (BothyRegistry *registry, BothyByhandSurvey kind, const char *bridge);

G_END_DECLS
