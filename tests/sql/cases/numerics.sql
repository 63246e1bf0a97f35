-- Roots, powers and logarithms of numerics to all their digits.
SELECT sqrt(515549506212297735.073688290367::numeric), sqrt(515549506212297735.073688290368::numeric), sqrt(2::numeric), sqrt(1e-10::numeric), sqrt(99999999999999999999999999999999998::numeric);
SELECT 3.789 ^ 21, 1.000000000123 ^ (-2147483648), 0.12 ^ (-20), 2.5 ^ 12.75, 7 ^ (-3), 0 ^ 0.5, 1.000016 ^ 100000.5, (-2.5) ^ 7;
SELECT exp(1.0), exp(-32.999), exp(0.0000001::numeric), exp(30.123456789::numeric), exp(-5::numeric), exp(0::numeric);
SELECT ln(1.2345678e-20), ln(0.99949452), ln(1.00049687395), ln(10::numeric), ln(98765432109876543210.123::numeric), ln(1::numeric);
SELECT log(3.4634998359873254962349856073435545), log(1000::numeric), log(0.99923, 4.58934e34), log(1.000016, 8.452010e18), log(2.0, 1024), log(10.0, 0.001);
SELECT x, round(ln(x), 30), round(exp(ln(x)), 10) AS same, round(x ^ 0.5 - sqrt(x), 10) AS none FROM (VALUES (1.5::numeric), (1234.5678), (0.00045), (7e15)) t (x);
