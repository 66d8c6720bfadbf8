/* hooks.h - the operations of the accounts service; see call.h for the contract. */
#ifndef ACCOUNTS_HOOKS_H
#define ACCOUNTS_HOOKS_H

#include "services/core/call.h"

/* identity.c */
enum err identity_op(struct call *call);

/* register.c */
enum err register_op(struct call *call);
extern const char *const owner_options[]; /* "--ensure-owner" */
int owner_option(const char *option, int argc, char **argv);

/* login.c; x_admit: the op's admit, which reads the body and sees the password */
enum err login_admit(struct call *call);
enum err login_op(struct call *call);
enum err token_admit(struct call *call);
enum err token_login(struct call *call);
enum err signin_admit(struct call *call);
enum err signin_op(struct call *call);

/* session.c */
enum err logout_op(struct call *call);
enum err csrf_cookie(struct call *call);
enum err me_op(struct call *call);

/* token.c */
enum err token_list(struct call *call);
enum err token_create(struct call *call);
enum err token_delete(struct call *call);
enum err token_revoke(struct call *call);

/* password.c */
enum err forgot_password(struct call *call);
enum err reset_password(struct call *call);

/* organization.c */
enum err org_list(struct call *call);
enum err org_create(struct call *call);
enum err org_get(struct call *call);
enum err org_update(struct call *call);
enum err org_delete(struct call *call);
enum err org_switch(struct call *call);

/* team.c */
enum err team_list(struct call *call);
enum err team_invite(struct call *call);
enum err team_update(struct call *call);
enum err team_remove(struct call *call);

/* invitation.c */
enum err invitation_get(struct call *call);
enum err invitation_accept(struct call *call);

/* settings.c */
enum err settings_get(struct call *call);
enum err settings_update(struct call *call);
enum err preferences_get(struct call *call);
enum err preferences_update(struct call *call);

/* user.c, user_signup.c, user_settings.c: document 003 */
enum err signup_op(struct call *call);
enum err user_list(struct call *call);
enum err user_get(struct call *call);
enum err user_update(struct call *call);
enum err user_delete(struct call *call);
enum err user_restore(struct call *call);
enum err user_settings(struct call *call);
enum err user_settings_update(struct call *call);

/* mail.c */
void mail_background(struct pg *pg);

#endif
