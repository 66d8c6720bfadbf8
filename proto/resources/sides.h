/*
 * sides.h - the client and the contact that stand inside contacts and communications: parts of
 * their .beside. Each is limited to a row, so that it stays a look-up by id whose answers are
 * remembered for the next rows, and the page keeps its order. The custom fields of an organization
 * are looked up once.
 */
#ifndef PROTO_RESOURCES_SIDES_H
#define PROTO_RESOURCES_SIDES_H

#define CRM_BLANKS                                                                                 \
    "(SELECT crm.custom_blank('clients') AS clients, crm.custom_blank('contacts') AS contacts"     \
    " OFFSET 0) k"
#define CRM_SIDE(shape, table, blank, id)                                                          \
    " LEFT JOIN LATERAL (SELECT crm." shape "(x, k." blank ") AS j FROM crm." table " x WHERE"     \
    " x.organization_id = t.organization_id AND x.id = t." id                                      \
    " AND x.deleted_at IS NULL LIMIT 1) "
#define CRM_CLIENT_SIDE  CRM_SIDE("client_json", "clients", "clients", "client_id") "c ON true"
#define CRM_CONTACT_SIDE CRM_SIDE("contact_json", "contacts", "contacts", "contact_id") "p ON true"

#endif
