-- expect: 2:5: error: unrecognized configuration parameter "epoch.intervall"
SET epoch.intervall = '1s';
