-- The warehouse database. Only its owner may create schemas in it.
CREATE DATABASE dw OWNER dw_owner ENCODING 'UTF8' TEMPLATE template0;
