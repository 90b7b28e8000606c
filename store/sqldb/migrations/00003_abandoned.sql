-- +goose Up
-- An abandoned stack is deleted, and its records stay until it is adopted.
ALTER TABLE stack ADD COLUMN abandoned BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE stack DROP COLUMN abandoned;
