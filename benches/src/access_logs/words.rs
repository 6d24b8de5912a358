//! What paths, queries and agents are made of.

pub(super) const WORDS: [&str; 48] = [
    "amber", "anchor", "basalt", "beacon", "birch", "cedar", "cinder", "cobalt", "copper", "coral", "delta",
    "ember", "falcon", "fern", "flint", "garnet", "glacier", "harbor", "hazel", "heron", "indigo", "ivory",
    "jasper", "juniper", "lantern", "larch", "linden", "magnet", "maple", "marble", "meadow", "nectar",
    "onyx", "orchid", "osprey", "pebble", "pepper", "quartz", "raven", "saffron", "sienna", "spruce",
    "tundra", "umber", "velvet", "walnut", "willow", "zephyr",
];

pub(super) const SECTIONS: [&str; 8] = [
    "articles",
    "blog/geekery",
    "blog/productivity",
    "projects",
    "presentations",
    "photos",
    "wiki",
    "docs/guide",
];

pub(super) const TAGS: [&str; 16] = [
    "linux", "perl", "ruby", "python", "metrics", "logging", "unix", "vim", "ssh", "dns", "http", "mail",
    "backup", "puppet", "release", "travel",
];

/// What a page brings with it.
pub(super) const ASSETS: [(&str, u64); 10] = [
    ("/reset.css", 1_015),
    ("/style2.css", 4_877),
    ("/images/jordan-80.png", 6_146),
    ("/images/web/2009/banner.png", 52_315),
    ("/favicon.ico", 3_638),
    ("/js/jquery-1.11.0.min.js", 96_381),
    ("/images/googledotcom.png", 65_748),
    ("/images/creative-commons.png", 2_208),
    ("/fonts/source-sans.woff2", 18_332),
    ("/apple-touch-icon.png", 9_011),
];

/// Agents, with `#` for a version.
pub(super) const BROWSERS: [&str; 12] = [
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.1700.107 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.1700.77 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:#.0) Gecko/20100101 Firefox/#.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:#.0) Gecko/20100101 Firefox/#.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.9; rv:#.0) Gecko/20100101 Firefox/#.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_2) AppleWebKit/537.74.9 (KHTML, like Gecko) Version/#.0.2 Safari/537.74.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 7_0_6 like Mac OS X) AppleWebKit/537.51.1 (KHTML, like Gecko) Version/#.0 Mobile/11B651 Safari/9537.53",
    "Mozilla/5.0 (iPad; CPU OS 7_0_4 like Mac OS X) AppleWebKit/537.51.1 (KHTML, like Gecko) Version/#.0 Mobile/11B554a Safari/9537.53",
    "Mozilla/5.0 (Linux; Android 4.4.2; Nexus 5 Build/KOT49H) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.1700.99 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; MSIE #.0; Windows NT 6.1; WOW64; Trident/6.0)",
    "Mozilla/5.0 (Windows NT 6.3; WOW64; Trident/7.0; rv:#.0) like Gecko",
    "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/#.16",
];

pub(super) const ROBOTS: [&str; 6] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "msnbot/2.0b (+http://search.msn.com/msnbot.htm)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
    "Tiny Tiny RSS/1.11 (http://tt-rss.org/)",
];

/// What nobody has, and scanners ask for.
pub(super) const PROBES: [&str; 6] =
    ["/wp-login.php", "/administrator/index.php", "/.env", "/xmlrpc.php", "/phpmyadmin/", "/.git/config"];
