-- What an operator decided about an account and is not yet said everywhere: {"what": "disable" or "enable", "by": actor,
-- "reason": text, "successor": account}; null: everything is said. Accounts that were shut out by earlier versions still
-- count as owners where they were: that is said now.
ALTER TABLE log.accounts ADD COLUMN judging jsonb;
UPDATE log.accounts SET judging = '{"what": "disable", "by": {"kind": "system", "id": "annals"}}' WHERE disabled_at IS NOT NULL;
CREATE INDEX accounts_judging ON log.accounts (account) WHERE judging IS NOT NULL;
