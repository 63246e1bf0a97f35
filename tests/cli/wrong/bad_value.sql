-- expect: 2:20: error: memory.limit: 'much' is not a number of bytes
SET memory.limit = 'much';
