SET memory.limit = 'much';
