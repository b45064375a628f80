"""From a composed config to finished stages: the table, its nodes, and how they are brought up."""
