-- Where an event lies, by its id: the first four bytes of the ids of 256 events, one behind the other, as tiles have their
-- leaves. A receipt is asked for by id, and an index of whole ids would cost an append more than the event itself. What was
-- sealed before this table was made is not in it; where a row begins with such, it begins with zeros.
CREATE TABLE audit.prints (
    tree bigint NOT NULL,                     -- audit.trees.id
    n bigint NOT NULL,                        -- of events n * 256 and the following
    prints bytea NOT NULL,
    CONSTRAINT prints_pkey PRIMARY KEY (tree, n)
);
ALTER TABLE audit.prints ALTER COLUMN prints SET STORAGE PLAIN; -- nothing compresses them, and searching is to find them here
