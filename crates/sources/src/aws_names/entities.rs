//! Who sells and who invoices: FOCUS `PublisherName` and `InvoiceIssuerName`.
//!
//! The billing entity (`AWS`, `AWS Marketplace`, `AISPL`) is never such a name.

use std::borrow::Cow;

/// Whom to assume when a bill names nobody; AWS's own export names it on 96 rows of 100.
const DEFAULT_ENTITY: &str = "Amazon Web Services, Inc.";

/// Sellers of record of AWS start so: its own companies, AMCS (telecom charges), and the
/// operators of the two regions in China.
const AWS_ENTITIES: [&str; 6] = [
    "Amazon Web Services",
    "Amazon AWS",
    "Amazon Internet Services",
    "AMCS",
    "Beijing Sinnet Technology",
    "Ningxia Western Cloud Data Technology",
];

/// Is this one of AWS's own companies, and not a marketplace seller?
#[must_use]
pub fn is_aws_entity(name: &str) -> bool {
    AWS_ENTITIES.iter().any(|entity| name.starts_with(entity))
}

/// FOCUS `PublisherName`: the legal entity (seller of record), else Amazon Web Services, Inc.
#[must_use]
pub fn publisher(legal_entity: &str) -> Cow<'_, str> {
    Cow::Borrowed(if legal_entity.is_empty() { DEFAULT_ENTITY } else { legal_entity })
}

/// FOCUS `InvoiceIssuerName`: the invoicing entity, else the legal entity where that is AWS (AWS
/// invoices what marketplace sellers sell), else Amazon Web Services, Inc.
#[must_use]
pub fn invoice_issuer<'a>(invoicing_entity: &'a str, legal_entity: &'a str) -> Cow<'a, str> {
    Cow::Borrowed(if !invoicing_entity.is_empty() {
        invoicing_entity
    } else if is_aws_entity(legal_entity) {
        legal_entity
    } else {
        DEFAULT_ENTITY
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMEA: &str = "Amazon Web Services EMEA SARL";

    #[test]
    fn aws_sells_under_many_names() {
        for name in [
            DEFAULT_ENTITY,
            EMEA,
            "Amazon AWS Serviços Brasil Ltda.",
            "Amazon Internet Services Pvt. Ltd",
            "Amazon Web Services India Private Limited",
            "AMCS, LLC",
            "Beijing Sinnet Technology Co., Ltd.",
            "Ningxia Western Cloud Data Technology Co., Ltd.",
        ] {
            assert!(is_aws_entity(name), "{name}");
        }
        for name in ["", "Red Hat Inc.", "AWS Marketplace", "Ningxia Other", "Amazon"] {
            assert!(!is_aws_entity(name), "{name}");
        }
    }

    #[test]
    fn names_fall_back_to_aws() {
        assert_eq!(publisher("Red Hat Inc."), "Red Hat Inc.");
        assert_eq!(publisher(""), DEFAULT_ENTITY);
        assert_eq!(invoice_issuer(EMEA, "Red Hat Inc."), EMEA);
        assert_eq!(invoice_issuer("", EMEA), EMEA);
        assert_eq!(invoice_issuer("", "Red Hat Inc."), DEFAULT_ENTITY);
        assert_eq!(invoice_issuer("", ""), DEFAULT_ENTITY);
    }
}
