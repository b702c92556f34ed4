//! The plan's graph: typed nodes, an arrow from each input to the node that needs it. petgraph lives here only.
//!
//! Enters: ops with their inputs, inputs first. Leaves: nodes by number, their inputs in order, what a goal needs.

use std::collections::BTreeMap;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::key;
use super::op::Op;
use crate::base::Digest;
use crate::base::event::NodeId;

/// A node: its work and its static identity.
#[derive(Clone, Debug)]
pub struct Node {
    pub op: Op,
    /// The digest of its definition and of its inputs' static ids; known before anything runs.
    pub static_id: Digest,
}

/// A directed acyclic graph of work whose last node makes the image. Acyclic by construction: an input must be there
/// before the node that names it. Node numbers are a topological order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    graph: DiGraph<Node, usize>,
    by_static_id: BTreeMap<Digest, NodeId>,
}

impl Plan {
    /// Adds a node, or finds the one of the same definition and inputs.
    pub fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        let ids: Vec<Digest> = inputs.iter().map(|i| self.node(*i).static_id).collect();
        let static_id = key::static_id(&op, &ids);
        if let Some(found) = self.by_static_id.get(&static_id) {
            return *found;
        }
        let index = self.graph.add_node(Node { op, static_id });
        for (position, input) in inputs.iter().enumerate() {
            self.graph.add_edge(NodeIndex::new(input.0), index, position);
        }
        let id = NodeId(index.index());
        self.by_static_id.insert(static_id, id);
        id
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[NodeIndex::new(id.0)]
    }

    /// All nodes, inputs before what needs them.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.graph.node_indices().map(|i| (NodeId(i.index()), &self.graph[i]))
    }

    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A node's inputs, in the order they were given.
    pub fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        let mut edges: Vec<(usize, NodeId)> = self
            .graph
            .edges_directed(NodeIndex::new(id.0), Direction::Incoming)
            .map(|e| (*e.weight(), NodeId(e.source().index())))
            .collect();
        edges.sort();
        edges.into_iter().map(|(_, id)| id).collect()
    }

    /// `goals` and all that they need, in the plan's order.
    pub fn needed(&self, goals: &[NodeId]) -> Vec<NodeId> {
        let mut wanted = vec![false; self.len()];
        for goal in goals {
            wanted[goal.0] = true;
        }
        // node numbers are a topological order, so one pass backwards reaches everything
        for id in (0..self.len()).rev() {
            if wanted[id] {
                for input in self.inputs(NodeId(id)) {
                    wanted[input.0] = true;
                }
            }
        }
        wanted.iter().enumerate().filter(|(_, w)| **w).map(|(id, _)| NodeId(id)).collect()
    }

    /// The node that makes the image.
    pub fn goal(&self) -> Option<NodeId> {
        self.nodes().find(|(_, n)| matches!(n.op, Op::Assemble(_))).map(|(id, _)| id)
    }

    /// The first node that `wanted` accepts.
    pub fn find(&self, wanted: impl Fn(&Op) -> bool) -> Option<NodeId> {
        self.nodes().find(|(_, n)| wanted(&n.op)).map(|(id, _)| id)
    }
}
