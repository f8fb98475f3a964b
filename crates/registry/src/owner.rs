//! Whose a sealed secret is, and where the secrets of each sort of owner are.

/// The tables of one sort of owner.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// What errors call such an owner; also the column of `secrets` with its id.
    pub(crate) sort: &'static str,
    /// The table with the secrets.
    pub(crate) secrets: &'static str,
    /// The table with the owners.
    pub(crate) owners: &'static str,
    /// Its column that says to people which owner it is.
    pub(crate) name: &'static str,
}

const CONNECTION: &str = "connection";

static CONNECTIONS: Shelf =
    Shelf { sort: CONNECTION, secrets: "secrets", owners: "connections", name: "name" };
static SINKS: Shelf =
    Shelf { sort: "sink", secrets: "sink_secrets", owners: "sinks", name: "name" };
static USERS: Shelf =
    Shelf { sort: "user", secrets: "user_secrets", owners: "users", name: "name" };
static TOKENS: Shelf =
    Shelf { sort: "token", secrets: "token_secrets", owners: "tokens", name: "name" };
static DRAFTS: Shelf =
    Shelf { sort: "draft", secrets: "draft_secrets", owners: "drafts", name: "id" };

/// All there are.
pub(crate) static SHELVES: [&Shelf; 5] = [&CONNECTIONS, &SINKS, &USERS, &TOKENS, &DRAFTS];

/// Whose a secret is, by id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) shelf: &'static Shelf,
    pub(crate) id: &'a str,
}

impl<'a> Owner<'a> {
    pub(crate) fn on(shelf: &'static Shelf, id: &'a str) -> Self {
        Self { shelf, id }
    }

    pub(crate) fn connection(id: &'a str) -> Self {
        Self::on(&CONNECTIONS, id)
    }

    pub(crate) fn sink(id: &'a str) -> Self {
        Self::on(&SINKS, id)
    }

    pub(crate) fn user(id: &'a str) -> Self {
        Self::on(&USERS, id)
    }

    pub(crate) fn token(id: &'a str) -> Self {
        Self::on(&TOKENS, id)
    }

    pub(crate) fn draft(id: &'a str) -> Self {
        Self::on(&DRAFTS, id)
    }

    /// What tells it from every other owner. Ids are UUIDs, so none has a slash in it or is the
    /// name of a sort. Sealed values are bound to it: it must never change.
    pub(crate) fn path(self) -> String {
        let Self { shelf, id } = self;
        if shelf.sort == CONNECTION { id.to_owned() } else { format!("{}/{id}", shelf.sort) }
    }
}
