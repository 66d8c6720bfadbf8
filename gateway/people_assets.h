/* people_assets.h - style and script of the pages of people.c. */
#ifndef GATEWAY_PEOPLE_ASSETS_H
#define GATEWAY_PEOPLE_ASSETS_H

extern const char people_css[], people_js[];

#endif
