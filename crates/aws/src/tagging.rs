//! Tags of resources, in one account and region.

use std::collections::BTreeMap;

use aws_config::Region;
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::config::Builder;
use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;
use serde::Serialize;

use crate::call::{CallError, trouble};
use crate::session::Session;

/// Most that AWS tells on a page.
const PAGE_SIZE: i32 = 100;

/// A resource and its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tagged {
    /// The resource's ARN.
    pub arn: String,
    /// Its tags; empty when it has been stripped of all.
    pub tags: BTreeMap<String, String>,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Tagging {
    client: Client,
}

impl Tagging {
    /// A client with the credentials of a session, for resources in `region`.
    #[must_use]
    pub fn new(session: &Session, region: &str) -> Self {
        let config = Builder::from(session.config()).region(Region::new(region.to_owned()));
        Self { client: Client::from_conf(config.build()) }
    }

    /// May the tags be read? Asks for one page of them.
    ///
    /// # Errors
    /// When AWS does not tell them.
    pub async fn check(&self) -> Result<(), CallError> {
        let page = self.client.get_resources().resources_per_page(PAGE_SIZE).send().await;
        page.map(|_| ()).map_err(|error| trouble(&error))
    }

    /// All resources of the account that have tags, or had some. Needs `tag:GetResources`.
    ///
    /// # Errors
    /// When AWS does not tell them.
    pub async fn all(&self) -> Result<Vec<Tagged>, CallError> {
        let pages = self.client.get_resources().resources_per_page(PAGE_SIZE).into_paginator();
        let all = pages.items().send().try_collect().await.map_err(|error| trouble(&error))?;
        Ok(all.into_iter().filter_map(read).collect())
    }
}

/// A resource; none without an ARN, which says nothing about anything.
fn read(mapping: ResourceTagMapping) -> Option<Tagged> {
    let tags = mapping.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
    Some(Tagged { arn: mapping.resource_arn?, tags: tags.collect() })
}
