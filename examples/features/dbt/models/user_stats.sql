-- For every user and midnight (UTC) what was known then: the orders of the 30 days before it.
{{ config(materialized='external', location='data/user_stats.parquet') }}

with orders as (
    select user_id, cast(ordered_at as timestamp) as ordered_at, amount
    from {{ source('raw', 'orders') }}
),

days as (
    select cast(unnest(generate_series(
        date_trunc('day', max(ordered_at)) - interval 39 day,
        date_trunc('day', max(ordered_at)) + interval 1 day,
        interval 1 day
    )) as timestamp) as day
    from orders
)

select
    users.user_id,
    days.day as event_timestamp,
    count(orders.ordered_at) as purchase_count_30d,
    avg(orders.amount) as avg_order_value
from (select distinct user_id from orders) as users
cross join days
left join orders
    on orders.user_id = users.user_id
    and orders.ordered_at >= days.day - interval 30 day
    and orders.ordered_at < days.day
group by users.user_id, days.day
