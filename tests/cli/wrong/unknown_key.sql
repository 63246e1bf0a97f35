-- expect: 2:5: error: unknown configuration key 'epoch.intervall'
SET epoch.intervall = '1s';
