//! Which endpoints want which messages: by event type and by channel.

use std::collections::BTreeSet;

/// What an endpoint wants. `None` and an empty set are both "no filter".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The event types that it wants.
    pub event_types: Option<BTreeSet<String>>,
    /// The channels that it listens to.
    pub channels: Option<BTreeSet<String>>,
}

impl Filter {
    /// A filter of these lists.
    pub fn new(event_types: Option<Vec<String>>, channels: Option<Vec<String>>) -> Self {
        Self {
            event_types: event_types.map(BTreeSet::from_iter),
            channels: channels.map(BTreeSet::from_iter),
        }
    }

    /// Whether a message of this event type in these channels goes to the endpoint.
    ///
    /// An endpoint without channels gets messages of every channel and of none; an
    /// endpoint with channels gets only messages that share one with it.
    pub fn wants<S: AsRef<str>>(&self, event_type: &str, channels: &[S]) -> bool {
        let type_wanted =
            filtering(self.event_types.as_ref()).is_none_or(|wanted| wanted.contains(event_type));
        let channel_wanted = filtering(self.channels.as_ref()).is_none_or(|wanted| {
            channels
                .iter()
                .any(|channel| wanted.contains(channel.as_ref()))
        });
        type_wanted && channel_wanted
    }
}

fn filtering(set: Option<&BTreeSet<String>>) -> Option<&BTreeSet<String>> {
    set.filter(|set| !set.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(event_types: Option<&[&str]>, channels: Option<&[&str]>) -> Filter {
        let owned =
            |list: Option<&[&str]>| list.map(|l| l.iter().map(ToString::to_string).collect());
        Filter::new(owned(event_types), owned(channels))
    }

    const NONE: &[&str] = &[];

    #[test]
    fn an_endpoint_without_filters_gets_everything() {
        for all in [filter(None, None), filter(Some(&[]), Some(&[]))] {
            assert!(all.wants("user.created", NONE));
            assert!(all.wants("user.created", &["eu"]));
        }
    }

    #[test]
    fn event_types_match_whole_and_by_case() {
        let some = filter(Some(&["user.created", "user.deleted"]), None);
        assert!(some.wants("user.created", NONE));
        assert!(some.wants("user.deleted", &["eu"]));
        for other in [
            "user",
            "user.",
            "user.create",
            "User.created",
            "user.created.x",
            "",
        ] {
            assert!(!some.wants(other, NONE), "{other}");
        }
    }

    #[test]
    fn an_endpoint_with_channels_gets_only_messages_that_share_one() {
        let eu = filter(None, Some(&["eu", "ch"]));
        assert!(eu.wants("a", &["eu"]));
        assert!(eu.wants("a", &["us", "ch"]));
        assert!(!eu.wants("a", &["us"]));
        assert!(!eu.wants("a", &["EU"]));
        assert!(!eu.wants("a", NONE));
    }

    #[test]
    fn both_filters_must_agree() {
        let both = filter(Some(&["a"]), Some(&["eu"]));
        assert!(both.wants("a", &["eu"]));
        assert!(!both.wants("b", &["eu"]));
        assert!(!both.wants("a", &["us"]));
    }
}
