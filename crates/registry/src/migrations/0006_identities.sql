-- Whom a provider of OpenID Connect knows users as (src/openid.rs). Both together are one person for
-- ever; names and addresses of mail are not.
--
-- SQLite cannot widen the CHECK of users.sign_in while other tables refer to users. So the rows of
-- these users say 'proxy', which is for who has no password here, and are read as 'oidc'.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
