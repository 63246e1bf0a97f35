SET epoch.intervall = '1s';
