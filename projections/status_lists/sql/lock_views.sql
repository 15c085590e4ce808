-- Before the snapshot is taken: no switch of generations can come between the checkpoint and the bits.
LOCK TABLE projections.status_list_sets, projections.status_list_members, projections.status_list_bits,
           projections.status_list_words, projections.status_list_restores,
           projections.status_list_compromises IN ACCESS SHARE MODE
