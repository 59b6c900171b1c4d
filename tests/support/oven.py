"""A kitchen's move that fails, for as long as the database says so. Nothing in the services knows of it."""

#: Orders of a customer called Unlucky cannot begin to cook.
BREAK = """
    create function oven_on_fire() returns trigger language plpgsql as $$
    begin
        if new.status = 'cooking' and new.customer_name = 'Unlucky' then
            raise exception 'the oven is on fire';
        end if;
        return new;
    end $$;
    create trigger oven_on_fire before update on orders for each row execute function oven_on_fire()
"""
HEAL = "drop trigger oven_on_fire on orders"
