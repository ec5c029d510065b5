//! Who is asking, as far as an address tells, and queues that give every client its turn.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};

/// Leading bits of an IPv6 address that tell clients apart: a client has the rest for itself.
const IPV6_CLIENT_BITS: u32 = 64;

/// An IPv4 address, or the network of an IPv6 one. All clients of a proxy are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Client {
        Client(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << (128 - IPV6_CLIENT_BITS));
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            ipv4 => ipv4,
        })
    }
}

/// Items that wait, those of a client in their order, the clients in turn: whoever sends much waits behind itself.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// None is empty; the first is the next to be served.
    clients: VecDeque<(Client, VecDeque<T>)>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        FairQueue { clients: VecDeque::new() }
    }
}

impl<T> FairQueue<T> {
    pub(super) fn push(&mut self, client: Client, item: T) {
        match self.clients.iter_mut().find(|(other, _)| *other == client) {
            Some((_, items)) => items.push_back(item),
            None => self.clients.push_back((client, VecDeque::from([item]))),
        }
    }

    /// The next item of the client whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(Client, T)> {
        let (client, mut items) = self.clients.pop_front()?;
        let item = items.pop_front()?;
        if !items.is_empty() {
            self.clients.push_back((client, items));
        }
        Some((client, item))
    }

    /// What [`FairQueue::pop`] would give.
    pub(super) fn peek(&self) -> Option<&T> {
        self.clients.front().and_then(|(_, items)| items.front())
    }

    /// The newest item of a client.
    pub(super) fn pop_newest(&mut self, client: Client) -> Option<T> {
        let at = self.clients.iter().position(|(other, _)| *other == client)?;
        let items = &mut self.clients[at].1;
        let item = items.pop_back();
        if items.is_empty() {
            self.clients.remove(at);
        }
        item
    }

    /// The newest item of the client that has the most; of `first` among equals.
    pub(super) fn pop_of_longest(&mut self, first: Client) -> Option<T> {
        let length = |(client, items): &&(Client, VecDeque<T>)| (items.len(), *client == first);
        let longest = self.clients.iter().max_by_key(length)?.0;
        self.pop_newest(longest)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Client, &T)> {
        self.clients.iter().flat_map(|(client, items)| items.iter().map(|item| (*client, item)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_client_of_ipv6_is_its_network_and_ipv4_is_the_same_in_either_form() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::7"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.2"), client("192.0.2.1"));
    }

    #[test]
    fn clients_have_turns_and_each_keeps_its_order() {
        let (a, b) = (client("192.0.2.1"), client("192.0.2.2"));
        let mut queue = FairQueue::default();
        (0..4).for_each(|item| queue.push(a, item));
        queue.push(b, 10);
        assert_eq!((queue.iter().count(), queue.peek()), (5, Some(&0)));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, [0, 10, 1, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_newest_of_a_client_is_taken_back_and_the_others_stay() {
        let (a, b) = (client("192.0.2.1"), client("192.0.2.2"));
        let mut queue = FairQueue::default();
        queue.push(a, 0);
        queue.push(b, 10);
        queue.push(b, 11);
        assert_eq!(
            (queue.pop_newest(b), queue.pop_newest(a), queue.pop_newest(a)),
            (Some(11), Some(0), None)
        );
        assert_eq!(queue.iter().collect::<Vec<_>>(), [(b, &10)]);
        queue.push(a, 1);
        assert_eq!((queue.pop_of_longest(a), queue.pop_of_longest(a)), (Some(1), Some(10)));
    }
}
