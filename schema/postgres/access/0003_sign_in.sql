-- People who sign in. What is here names persons, so it is not in the log: erasing is an UPDATE or DELETE here. Facts
-- about accounts (registered, disabled, linked) are events; the columns that repeat them are what is asked at each request.
CREATE TABLE log.accounts (
    account           uuid        PRIMARY KEY,
    login             text        COLLATE "C" CONSTRAINT accounts_login UNIQUE, -- what is typed to sign in, in its one form; null: signs in otherwise
    name              text        NOT NULL,
    email             text,
    password          text,       -- argon2id in PHC form; null: none
    password_at       timestamptz,
    organization      text        NOT NULL DEFAULT '',
    default_workspace text        NOT NULL DEFAULT '',
    -- reserved: the name is held while an invitation or link is redeemed; claimed: that is done, the events and the personal
    -- organization may be missing and are made at the next sign-in; active: everything is there.
    state             text        NOT NULL CONSTRAINT accounts_state CHECK (state IN ('reserved', 'claimed', 'active')),
    slug              text        NOT NULL DEFAULT '', -- asked for the personal organization
    disabled_at       timestamptz,
    created_at        timestamptz NOT NULL
);

-- Who others say somebody is: issuer and subject, never an e-mail address.
CREATE TABLE log.identities (
    issuer    text        COLLATE "C" NOT NULL,
    subject   text        COLLATE "C" NOT NULL,
    account   uuid        NOT NULL CONSTRAINT identities_account REFERENCES log.accounts ON DELETE CASCADE,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_of ON log.identities (account);

-- Sessions of browsers. Only hashes of their cookies are here.
CREATE TABLE log.sessions (
    hash       bytea       PRIMARY KEY CONSTRAINT sessions_hash CHECK (octet_length(hash) = 32),
    id         text        COLLATE "C" NOT NULL CONSTRAINT sessions_id UNIQUE, -- what people see of it
    account    uuid        NOT NULL CONSTRAINT sessions_account REFERENCES log.accounts ON DELETE CASCADE,
    method     text        NOT NULL CONSTRAINT sessions_method CHECK (method IN ('password', 'link', 'oidc')),
    issuer     text        NOT NULL DEFAULT '', -- of oidc
    address    text        NOT NULL,
    agent      text        NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL, -- within a minute
    ended_at   timestamptz
);
CREATE INDEX sessions_of ON log.sessions (account, created_at);
CREATE INDEX sessions_old ON log.sessions (created_at);

-- What works once: the row is deleted by whoever redeems it.
CREATE TABLE log.sign_in_links (
    hash       bytea       PRIMARY KEY CONSTRAINT sign_in_links_hash CHECK (octet_length(hash) = 32),
    account    uuid        CONSTRAINT sign_in_links_account REFERENCES log.accounts ON DELETE CASCADE, -- null: whoever comes makes one
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_links_of ON log.sign_in_links (account);

CREATE TABLE log.oidc_attempts (
    state      bytea       PRIMARY KEY CONSTRAINT oidc_attempts_state CHECK (octet_length(state) = 32), -- hash of it
    nonce      text        NOT NULL,
    verifier   text        NOT NULL, -- of PKCE
    next       text        NOT NULL,
    account    uuid,       -- to link the identity with; null: to sign in
    invitation text        NOT NULL, -- to accept then
    expires_at timestamptz NOT NULL
);

CREATE TABLE log.device_grants (
    hash       bytea       PRIMARY KEY CONSTRAINT device_grants_hash CHECK (octet_length(hash) = 32), -- of the device code
    user_code  text        COLLATE "C" NOT NULL CONSTRAINT device_grants_user_code UNIQUE,
    client     text        NOT NULL,
    device     text        NOT NULL,
    address    text        NOT NULL,
    scopes     text[]      NOT NULL,
    workspace  text        NOT NULL,
    account    uuid        CONSTRAINT device_grants_account REFERENCES log.accounts ON DELETE CASCADE, -- who approved
    state      text        NOT NULL CONSTRAINT device_grants_state CHECK (state IN ('pending', 'approved', 'denied')),
    pause      int         NOT NULL, -- seconds between two questions
    asked_at   timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Buckets of tokens that all servers share: how often a name may be tried.
CREATE TABLE log.sign_in_limits (
    key    bytea       PRIMARY KEY CONSTRAINT sign_in_limits_key CHECK (octet_length(key) = 32), -- a hash: names that nobody has are not kept
    tokens real        NOT NULL,
    at     timestamptz NOT NULL
) WITH (fillfactor = 50);
