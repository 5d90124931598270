//! What a person orders: each order is one transition, or changes nothing.

use super::CircuitBreaker;
use crate::circuit::Decision;
use crate::word::Order;

impl CircuitBreaker {
    /// Closes the breaker and lets its totals begin anew, under a new era. Calls
    /// in flight are stale from now on; those that settle while the totals are being
    /// noted belong to the old ones.
    pub fn reset(&self) {
        let decision = self.decide(Order::Reset);
        self.metrics.reset();
        self.tell(&decision);
    }

    /// Closes the breaker and leaves its totals alone.
    ///
    /// On a closed breaker without a failure streak and with an empty window this changes
    /// nothing.
    pub fn close(&self) {
        self.obey(Order::Close);
    }

    /// Opens the breaker now, as its policy would: for the open wait.
    ///
    /// On an open breaker whose wait is not over this changes nothing.
    pub fn trip(&self) {
        self.obey(Order::Trip);
    }

    /// Turns every call away until the next call by hand, whatever the clock says.
    pub fn force_open(&self) {
        self.obey(Order::ForceOpen);
    }

    /// Lets every call through and judges none until the next call by hand.
    pub fn disable(&self) {
        self.obey(Order::Disable);
    }

    /// Lets every call through, and judges it, until the next call by hand.
    ///
    /// What would have opened the breaker is reported as an event of its own, under a new
    /// era: see [`Event::would_open`](crate::Event::would_open). It is reported again only
    /// when all rates and streaks have been below their thresholds in between; while there
    /// are fewer calls than the minimum, it is the rates of those that count for this.
    pub fn metrics_only(&self) {
        self.obey(Order::MetricsOnly);
    }

    fn obey(&self, order: Order) {
        let decision = self.decide(order);
        self.tell(&decision);
    }

    fn decide(&self, order: Order) -> Decision<()> {
        let rules = &self.settings.get().rules;
        let is_blank = |era| self.is_blank(era);
        let decision = self.circuit.obey(order, rules, is_blank, || self.now());
        self.take_note(&decision);
        decision
    }
}
