//! Whether the store stands where the model does.

use postrider_domain::MessageId;
use postrider_model::Row;
use postrider_store::Engine;

use crate::walk::Walk;

impl Walk<'_> {
    /// Each delivery stands as in the model, and as many commits owe.
    pub(crate) async fn compare(&self) {
        let mut expected = Vec::new();
        for (number, real) in &self.numbers {
            let owing = format!("select count(*) from journal where owes and node = {real}");
            let entries = self.state.db.journal.iter();
            let count = entries
                .filter(|entry| entry.owes && entry.node == *number)
                .count();
            let owing = if self.unsettled.contains(number) {
                format!("select case when ({owing}) > {count} then {count} else ({owing}) end")
            } else {
                owing
            };
            expected.push((owing, count as i64, format!("what {number} owes")));
        }
        for (delivery, message) in &self.messages {
            let row = self.state.db.rows[usize::from(*delivery)];
            let what = format!("delivery {delivery}, {row:?}");
            expected.push((self.standing(*message), self.expected(row), what));
        }
        // In one statement, since each has a connection of its own.
        let agree: Vec<_> = expected
            .iter()
            .map(|(sql, value, _)| format!("({sql}) = {value}"))
            .collect();
        let all = format!("select case when {} then 1 else 0 end", agree.join(" and "));
        if expected.is_empty() || self.db.number(&all).await == 1 {
            return;
        }
        for (sql, value, what) in expected {
            let found = self.db.number(&sql).await;
            assert_eq!(found, value, "{what}: {:#?}", self.told);
        }
    }

    /// How a message's only delivery stands: absent, ended, or its token, whether it has a due
    /// time, and its owner.
    fn standing(&self, message: MessageId) -> String {
        let id = message.uuid().simple();
        let id = match self.db.store.engine() {
            Engine::Sqlite => format!("x'{id}'"),
            Engine::Postgres => format!("'{id}'::uuid"),
        };
        format!(
            "select coalesce(max(case when state <> 0 then -2 else \
             (token * 2 + case when due_at is null then 0 else 1 end) * 4294967296 + coalesce(owner, 0) end), -1) \
             from delivery where message_id = {id}"
        )
    }

    fn expected(&self, row: Row) -> i64 {
        match row {
            Row::Absent => -1,
            Row::Ended => -2,
            Row::Pending { owner, token, due } => {
                let owner = owner.map_or(0, |owner| self.numbers[&owner]);
                (i64::from(token) * 2 + i64::from(due)) * 4_294_967_296 + owner
            }
        }
    }
}
