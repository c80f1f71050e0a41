/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../object.h"

G_BEGIN_DECLS

/* An image that a container can be made from: one that is here, one of a server's catalogue, or one of a registry. */

#define APP_TYPE_OFFER (app_offer_get_type ())
G_DECLARE_FINAL_TYPE (AppOffer, app_offer, APP, OFFER, GObject)

/** app_offer_new_image: Returns: (transfer full): an image that is here */
AppOffer *app_offer_new_image (AppObject *image);

/** app_offer_new_found: Returns: (transfer full) (nullable): one line of SearchImages' answer, a{sv}; NULL if it is no image */
AppOffer *app_offer_new_found (GVariant *found);

/** app_offer_new_typed: Returns: (transfer full) (nullable): what was typed as an image of a registry, HOST/NAME[:TAG]; NULL if it is none */
AppOffer *app_offer_new_typed (const char *text);

/** app_offer_name_image: Returns: (transfer full): what a person calls an image that is here: its first name, or where it came from, or the beginning of its fingerprint */
char *app_offer_name_image (AppObject *image);

/** app_offer_get_reference: Returns: (transfer none): what Launch takes */
const char *app_offer_get_reference (AppOffer *offer);

/** app_offer_is_here: Returns: whether it need not be got first */
gboolean app_offer_is_here (AppOffer *offer);

/** app_offer_get_title: Returns: (transfer none): what it is called */
const char *app_offer_get_title (AppOffer *offer);

/** app_offer_get_detail: Returns: (transfer none): what is worth knowing, in one line */
const char *app_offer_get_detail (AppOffer *offer);

/** app_offer_get_badge: Returns: (transfer none): how it is checked, "" if that is not known */
const char *app_offer_get_badge (AppOffer *offer);

/** app_offer_is_signed: Returns: whether its maker's signature is checked */
gboolean app_offer_is_signed (AppOffer *offer);

/** app_offer_matches: Returns: whether it has all words of @search in its name or details */
gboolean app_offer_matches (AppOffer *offer, const char *search);

/** app_offer_plain_name: Returns: (transfer full): what names can have of @text, which is UTF-8: up to 40 of [a-z0-9-], no dash at either end; "" if nothing is left */
char *app_offer_plain_name (const char *text);

/** app_offer_dup_name: Returns: (transfer full): what a container of it might be called: 1 to 40 of [a-z0-9-], no dash at either end */
char *app_offer_dup_name (AppOffer *offer);

G_END_DECLS
